"""`agentdyno report`: one run as a single HTML file."""

from pathlib import Path

import click

from agentdyno.cli.context import load_settings


@click.command("report")
@click.argument("matrix", default="latest")
@click.option("-o", "--output", "file", default="report.html", show_default=True,
              type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
def report(matrix: str, file: Path) -> int:
    """Write what a run measured as one file that anybody can open, without agentdyno.

    MATRIX is the id of a run or its beginning; the newest run when left out. The file loads nothing
    and runs nothing.
    """
    from agentdyno.cli.becoming import become, ready_companion
    from agentdyno.core.errors import UsageError

    settings = load_settings()
    if not file.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {file.absolute().parent}.", "make it first")
    companion = ready_companion(settings)
    command = companion.command(
        "agentdyno.dashboards.report", matrix, "--output", str(file.absolute())
    )
    become(command, companion.environ(settings.environment))
