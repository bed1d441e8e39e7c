"""One module per page, each with a function `page() -> None`; the table of them is in app.py."""
