"""`agentdyno compare A B`: what differs between two arms or more, and how sure that is."""

import dataclasses
import json
from collections.abc import Sequence

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.cli.comparing import facts_of, load_arms, run_now
from agentdyno.cli.context import stdout_console
from agentdyno.cli.database import run_async
from agentdyno.cli.judgemarks import print_marks
from agentdyno.core.errors import UsageError
from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.verdict import chance_words
from agentdyno.experiments.compare.compare import Rules, compare
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.experiments.compare.nouns import Comparison, Line
from agentdyno.experiments.compare.pareto import Front, pareto

_STYLES = {"better": "green", "worse": "red", "equal": "cyan", "inconclusive": "yellow"}
_MOST_FLIPS = 10


@click.command("compare")
@click.argument("arms", nargs=-1, required=True, metavar="ARM ARM...")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; may be repeated.")
@click.option("--margin", "margins", multiple=True, metavar="METRIC=SIZE",
              help="Difference that does not matter, such as passed=0.02 or prompt_tokens=0.1.")
@click.option("--seed", default=0, show_default=True, help="Seed of resampling.")
@click.option("--limit", type=click.IntRange(min=1), default=5000, show_default=True,
              help="Look at so many stored trials, newest first.")
@click.option("--now", is_flag=True, help="First run what is missing of --scenario on the arms, "
              "which are runners then; with the scripted model.")
@click.option("--trials", "-n", default=5, show_default=True,
              help="Repeats of each cell, for --now.")
@click.option("--json", "as_json", is_flag=True, help="Comparisons and front as JSON.")
def compare_command(
    arms: tuple[str, ...], scenarios: tuple[str, ...], margins: tuple[str, ...], seed: int,
    limit: int, now: bool, trials: int, as_json: bool,
) -> int:
    """Compare stored trials of ARMs, pair by pair, on the cases that both ran.

    \b
    An ARM is RUNNER[@VERSION], run=ID, or filters with commas:
      agentdyno compare autogen langgraph
      agentdyno compare crewai@1.14.3 crewai@1.15.30
      agentdyno compare crewai,retries=uniform crewai,retries=as-shipped
    """
    if len(arms) < 2:
        raise UsageError("a comparison needs two arms.", "agentdyno compare crewai langgraph")
    rules_margins = dict(map(_margin, margins))
    loaded = run_now(arms, scenarios, trials) if now else (
        run_async(load_arms(arms, scenarios, limit)))
    facts = facts_of([trial for arm in loaded for trial in arm.trials])
    found = compare(loaded, Rules(margins=rules_margins, facts=facts, seed=seed))
    front = pareto(loaded)
    if as_json:
        click.echo(json.dumps({
            "comparisons": [dataclasses.asdict(one) for one in found],
            "front": front and {**dataclasses.asdict(front), "best": front.best},
        }, indent=2, default=lambda noun: noun.model_dump()))
        return 0
    console = stdout_console()
    for one in found:
        print_pair(console, one)
    if front is not None:
        print_front(console, front)
    print_marks(console, [trial for arm in loaded for trial in arm.trials])
    return 0


def _margin(text: str) -> tuple[str, float]:
    name, _, size = text.partition("=")
    try:
        value = float(size)
    except ValueError:
        value = -1.0
    if value < 0 or (name not in METRICS and not name.startswith("check:")):
        raise UsageError(
            f"--margin {text}: this is no margin.",
            f"METRIC=SIZE, with a metric of {', '.join(METRICS)} or check:ID",
        )
    return name, value


def print_pair(console: Console, found: Comparison) -> None:
    """Print one comparison: what covers what, a line per metric, slices, flips, notes."""
    console.print(Text(f"{found.b} against {found.a}", style="bold"))
    for name, cover in ((found.a, found.coverage_a), (found.b, found.coverage_b)):
        if cover.counted < cover.trials and cover.best is not None and cover.worst is not None:
            console.print(Text(
                f"  {name}: {cover.counted} of {cover.trials} trials count; with the others the"
                f" pass rate lies between {cover.worst:.2f} and {cover.best:.2f}", style="yellow",
            ))
    metrics = [line for line in found.lines if not line.metric.startswith("check:")]
    checks = [
        line for line in found.lines
        if line.metric.startswith("check:") and line.verdict in ("better", "worse")
    ]
    console.print(_table(metrics + checks, found))
    for each in found.slices:
        console.print(Text(f"  {each.by} {each.name} ({each.cases} cases): passed ")
                      + _word(each.passed) + Text(f" {_interval(each.passed)}"))
    for flip in found.flips[:_MOST_FLIPS]:
        console.print(Text(
            f"  flipped: {flip.case} {flip.a:.0%} → {flip.b:.0%}; agentdyno show"
            f" {flip.trial_a[:10]}, {flip.trial_b[:10]}; agentdyno diff {flip.trial_a[:10]}"
            f" {flip.trial_b[:10]}"
        ), soft_wrap=True)
    if len(found.flips) > _MOST_FLIPS:
        console.print(f"  and {len(found.flips) - _MOST_FLIPS} more cases flipped (--json)")
    for note in found.notes:
        console.print(Text(f"  note: {note}", style="dim"))
    console.print()


def _table(lines: Sequence[Line], found: Comparison) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("metric", found.a, found.b, "difference [95 % CI]", "adjusted p", "verdict"):
        table.add_column(head, no_wrap=True)
    for line in lines:
        pair = line.paired
        table.add_row(
            Text(line.metric), Text("–" if pair is None else _number(pair.a, line)),
            Text("–" if pair is None else _number(pair.b, line)), Text(_interval(line)),
            Text(chance_words(None if line.exact else line.p)), _verdict(line),
        )
    return table


def _verdict(line: Line) -> Text:
    if line.why:
        return _word(line) + Text(f" ({line.why})", style="dim")
    pair = line.paired
    if line.verdict == "inconclusive" and pair is not None and pair.mde is not None:
        size = f"a factor of {pair.mde:.2f}" if pair.ratio else f"{pair.mde:.2g}"
        return _word(line) + Text(f" (would show from {size})", style="dim")
    return _word(line)


def _word(line: Line) -> Text:
    return Text(line.verdict, style=_STYLES[line.verdict])


def _number(value: float, line: Line) -> str:
    is_rate = line.metric == "passed" or line.metric.startswith("check:")
    shown = f"{value:.2f}" if is_rate else _amount(value)
    return f"{shown} {line.unit}".rstrip()


def _amount(value: float) -> str:
    return f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"


def _interval(line: Line) -> str:
    if line.paired is None:
        return "–"
    d: Estimate = line.paired.difference
    value = f"× {d.value:.3f}" if line.paired.ratio else f"{d.value:+.3f}"
    if line.exact:
        return f"{value} (no sampling noise)"
    return f"{value} [{d.low:.3f}, {d.high:.3f}]"


def print_front(console: Console, front: Front) -> None:
    """Print every arm by quality, cost and time, and who is beaten by whom."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("arm", "passed [95 % CI]", front.cost.replace("_", " "), "wall s", "beaten by"):
        table.add_column(head, no_wrap=True)
    for point in front.points:
        rate = point.passed
        table.add_row(
            Text(point.arm), f"{rate.value:.2f} [{rate.low:.2f}, {rate.high:.2f}]",
            _amount(point.cost), f"{point.wall_s:.2f}",
            Text(", ".join(point.beaten_by)) if point.beaten_by else Text("nobody", "green"),
        )
    console.print("Pareto front: quality, cost and latency, medians per trial", style="bold")
    console.print(table)

