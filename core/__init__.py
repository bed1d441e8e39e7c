"""Nouns, errors, canonical JSON: what every other part speaks of. Imports nothing of ours."""
