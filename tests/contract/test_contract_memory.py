"""A memory canary: what one trial remembers is never readable in another, on any runner."""
