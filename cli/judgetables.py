"""What is known of judges, as tables."""

from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agentdyno.core.calibration import Calibration
from agentdyno.core.errors import UsageError
from agentdyno.core.estimate import Estimate
from agentdyno.evals.judges import library
from agentdyno.evals.judges.metrics import METRICS

_MOST_UNSCORED = 5


def print_judges(console: Console, found: Iterable[Calibration]) -> None:
    """Print the metrics, the library's state, and every measured judge."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("metric", "looks at", "model calls"):
        table.add_column(name, no_wrap=name != "looks at")
    for name, metric in METRICS.items():
        table.add_row(name, metric.looks_at, metric.calls)
    console.print(table)
    try:
        console.print(f"deepeval {library.version()}")
    except UsageError as error:
        console.print(Text(str(error), style="yellow"))
    rows = list(found)
    if not rows:
        console.print("no judge was measured yet: agentdyno judge calibrate FILE --scenario NAME")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("judge", "check", "metric", "model", "at", "cases", "agreement", "kappa",
                 "alpha", "lenient by"):
        table.add_column(name, no_wrap=True)
    for one in rows:
        table.add_row(
            one.judge[:10], f"{one.scenario}.{one.check}", one.metric, one.model,
            f"{one.threshold:g}", str(one.cases), _interval(one.agreement), _number(one.kappa),
            _number(one.alpha), _interval(one.error, sign=True),
        )
    console.print(table)


def print_calibration(console: Console, one: Calibration) -> None:
    """Print one measured judge, with what its figures mean."""
    console.print(Text(f"{one.judge}  ", style="bold") + Text(
        f"{one.scenario}.{one.check}: {one.metric} by {one.model}, {one.library} {one.version}, "
        f"passes from {one.threshold:g}"
    ))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for name, value, means in (
        ("cases", _cases(one), f"of {one.labels}"),
        ("agreement", _interval(one.agreement), "same verdict as people"),
        ("Cohen's kappa", _number(one.kappa), "agreement beyond chance; 1 is perfect"),
        ("Krippendorff's alpha", _number(one.alpha), "score against label, as numbers"),
        ("alpha among people", _number(one.human_alpha), "what to expect at best"),
        ("lenient by", _interval(one.error, sign=True), "mean of score less label"),
        ("length bias", _interval(one.length, sign=True), "more leniency per doubled length"),
        ("position bias", _interval(one.position, sign=True), "score change, evidence reversed"),
        ("took", f"{one.calls} model calls" + (
            f", {one.cost_usd:.4f} USD" if one.cost_usd is not None else ""), ""),
    ):
        table.add_row(name, value, Text(means, style="dim"))
    console.print(table)
    for line in one.unscored[:_MOST_UNSCORED]:
        console.print(Text(f"  no score: {line}", style="yellow"), soft_wrap=True)
    if len(one.unscored) > _MOST_UNSCORED:
        console.print(f"  and {len(one.unscored) - _MOST_UNSCORED} more without a score")


def _cases(one: Calibration) -> str:
    split = f", {one.undecided} of them undecided" if one.undecided else ""
    missing = f", {len(one.unscored)} without a score" if one.unscored else ""
    return f"{one.cases}{split}{missing}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"


def _interval(found: Estimate | None, *, sign: bool = False) -> str:
    if found is None:
        return "unknown"
    plus = "+" if sign else ""
    return f"{found.value:{plus}.2f} [{found.low:{plus}.2f}, {found.high:{plus}.2f}]"
