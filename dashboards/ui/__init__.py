"""`agentdyno ui`: the dashboard's server and MLflow's, started, watched and stopped together."""
