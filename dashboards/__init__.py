"""The dashboard: Streamlit pages over the store. It reads what the harness stored, whether one runs
or not; see design/dashboard.md."""
