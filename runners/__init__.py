"""Adapters that execute a team in one framework each, the worker they run in, and its environment."""
