"""Matrix -> trials -> store: plans what is missing, runs it on one bench, seals and keeps it."""
