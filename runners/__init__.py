"""Adapters that execute a team in one framework each, their worker process and environment."""
