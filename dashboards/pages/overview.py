"""Recent matrices, their health, and what needs somebody's attention."""

from agentdyno.dashboards import frame


def page() -> None:
    """Show the overview."""
    frame.header("Overview", "What ran lately, and what needs attention.")
