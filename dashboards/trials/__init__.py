"""What the page of one trial shows, worked out of the sealed trial: no Streamlit in here."""
