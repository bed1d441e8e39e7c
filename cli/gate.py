"""`agentdyno gate`: a suite against its blessed baseline."""

from pathlib import Path

import click

from agentdyno.cli.context import load_settings, stderr_console, stdout_console

INTERRUPTED = 2
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("suite", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--runner", "-r", "runners", multiple=True, metavar="NAME[@VERSION]",
              help="Judge these runners of the suite alone, in another version if you like. May be "
                   "repeated.")
@click.option("--baseline", type=_FILE, metavar="FILE",
              help="Blessed file to use instead of the suite's own.")
@click.option("--baseline-from", metavar="REF",
              help="Read the blessed file as it is at this git revision, such as origin/main.")
@click.option("--fresh", is_flag=True,
              help="Run again what a live suite has stored already; others always run.")
@click.option("--concurrency", "-c", default=2, show_default=True, help="Trials running at once.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Also write JUnit XML.")
@click.option("--markdown", type=_FILE, metavar="FILE",
              help="Also write Markdown, for a comment on a pull request.")
@click.option("--json", "json_file", metavar="FILE", help="Also write JSON; - is stdout.")
@click.option("--github/--no-github", default=None,
              help="Annotations and a step summary; by default where GITHUB_ACTIONS is true.")
def gate(
    suite: Path, runners: tuple[str, ...], baseline: Path | None, baseline_from: str | None,
    fresh: bool, concurrency: int, junit: Path | None, markdown: Path | None,
    json_file: str | None, github: bool | None,
) -> int:
    """Run what is missing of SUITE, by replay unless it says otherwise, and judge it.

    Exit code: 0 pass or improved, 1 regression, 3 the bench kept too many trials from counting,
    4 bad usage, 6 inconclusive when the suite's policy says fail.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.cli.gatefiles import Outputs, write_outputs
    from agentdyno.cli.gaterun import chosen, key_file
    from agentdyno.cli.gatetable import print_report, verdict_line
    from agentdyno.cli.gating import gate_suite
    from agentdyno.cli.progress import RunView
    from agentdyno.experiments.gate.suites import options_of, read_suite

    settings, loaded = load_settings(), read_suite(suite)
    outputs = Outputs.of(settings, junit=junit, markdown=markdown, json_file=json_file,
                         github=github)
    options = options_of(
        loaded, runners=chosen(loaded, runners), concurrency=concurrency, fresh=fresh,
        env_file=key_file(),
    )
    with RunView(stderr_console()) as view:
        report = run_async(gate_suite(
            settings, loaded, options, (baseline or loaded.baseline).absolute(), baseline_from, view
        ))
    if report is None:
        return INTERRUPTED
    if json_file != "-":
        print_report(stdout_console(), report)
    write_outputs(report, outputs)
    if json_file != "-":
        click.echo(verdict_line(report))
    return report.exit_code
