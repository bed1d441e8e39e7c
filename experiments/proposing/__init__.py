"""Variants that a model proposes from failed trials; people decide what becomes of them."""
