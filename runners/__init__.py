"""Adapters that execute a team in one framework each, the worker that hosts them, its environment."""
