"""What `cli/pytest_plugin.py` imports on demand: items, fixtures, and the bench behind them."""
