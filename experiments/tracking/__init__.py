"""What MLflow is told of the store. MLflow is imported here alone, in the companion's processes."""
