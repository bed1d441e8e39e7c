"""Prompts: the registry that keeps their versions, and files for when it is away."""
