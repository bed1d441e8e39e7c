"""From a verdict to the prompts in use: approve, promote and roll back, all on record."""
