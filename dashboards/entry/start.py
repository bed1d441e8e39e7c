"""The script that Streamlit runs anew for every interaction."""

from agentdyno.dashboards.app import main

main()
