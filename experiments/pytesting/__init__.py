"""Questions about trials that show their evidence, and helpers for unit tests of agents."""
