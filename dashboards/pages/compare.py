"""Runners and variants side by side."""

from agentdyno.dashboards import frame


def page() -> None:
    """Show the comparison."""
    frame.header("Compare", "Runners and variants side by side, each number with its interval.")
