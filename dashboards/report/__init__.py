"""One run as a single HTML file that needs nothing else: no script, no network, no harness."""
