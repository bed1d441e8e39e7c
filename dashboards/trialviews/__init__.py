"""The sections of the trial page, one file each: what is worked out in `trials`, drawn."""
