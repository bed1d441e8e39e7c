"""Where Streamlit starts: apart from pages/, which it would else take for pages of its own."""
