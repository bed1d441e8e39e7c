"""Recordings of what providers and tools answered, and their replay."""
