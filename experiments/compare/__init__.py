"""Two arms compared: what differs, how sure that is, and where."""
