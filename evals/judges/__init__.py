"""Checks that a model answers, by DeepEval's metrics; nothing here is imported before one is."""
