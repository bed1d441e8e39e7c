"""`agentdyno bless`: what a suite does now becomes what the gate defends."""

from pathlib import Path

import click

from agentdyno.cli.context import load_settings, stderr_console

INTERRUPTED = 2


@click.command()
@click.argument("suite", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--runner", "-r", "runners", multiple=True, metavar="NAME[@VERSION]",
              help="Bless these runners alone; the others stay as they were. May be repeated.")
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="File to write instead of the suite's own.")
@click.option("--record", is_flag=True,
              help="First make the cassettes of a suite that replays, by its `llm`, or else by the "
                   "scripted model.")
@click.option("--fresh", is_flag=True,
              help="Run again what a live suite has stored already; others always run.")
@click.option("--force", is_flag=True, help="Bless trials although none of them passes.")
@click.option("--concurrency", "-c", default=2, show_default=True, help="Trials running at once.")
def bless(
    suite: Path, runners: tuple[str, ...], baseline: Path | None, record: bool, fresh: bool,
    force: bool, concurrency: int,
) -> int:
    """Run SUITE and write what it comes to into its baseline, a file for the repository."""
    from agentdyno.cli.blessing import Blessing, bless_suite
    from agentdyno.cli.database import run_async
    from agentdyno.cli.gaterun import chosen, key_file, record_suite
    from agentdyno.cli.progress import RunView
    from agentdyno.experiments.gate.suites import options_of, read_suite
    from agentdyno.scenarios.paths import shown

    loaded = read_suite(suite)
    options = options_of(
        loaded, runners=chosen(loaded, runners), concurrency=concurrency, fresh=fresh,
        env_file=key_file(),
    )
    how = Blessing(force=force, part=bool(runners),
                   path=(baseline or loaded.baseline).absolute())
    if record:
        with RunView(stderr_console()) as view:
            count = run_async(record_suite(loaded, load_settings(), options, view))
        click.echo(f"{shown(loaded.cassettes)}: {count} trials recorded")
    with RunView(stderr_console()) as view:
        said = run_async(bless_suite(load_settings(), loaded, options, how, view))
    if said is None:
        return INTERRUPTED
    click.echo(said)
    return 0
