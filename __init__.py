"""agentdyno: a dynamometer for agent frameworks."""

__version__ = "0.1.0"
