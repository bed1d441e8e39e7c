"""The views of the page Compare: each reads only what it shows."""
