"""Charts as pure functions of rows, for the pages and for the report."""
