"""The gate: what a suite does now against what was blessed, with known false alarms."""
