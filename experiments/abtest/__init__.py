"""Experiments: read, planned before they run, run in looks, judged as planned."""
