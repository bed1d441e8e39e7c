"""`agentdyno cases ARM`: case by case, how often it passes and how far that can be relied on."""

import dataclasses
import json

import click
from rich import box
from rich.table import Table
from rich.text import Text

from agentdyno.cli.comparing import load_arms
from agentdyno.cli.context import stdout_console
from agentdyno.cli.database import run_async
from agentdyno.core.estimate import Estimate
from agentdyno.evals.statistics.rates import clustered_mean, flakiness, pass_at_k, pass_hat_k
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.compare import Arm
from agentdyno.experiments.compare.metrics import METRICS, OUT_OF_COUNT, values_of
from agentdyno.experiments.fingerprint import nothing_scatters


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaseLine:
    """One case of an arm."""

    case: str
    trials: int
    passed: Estimate
    """Share that passed, with Wilson's interval."""
    flaky: Estimate | None
    """Chance that two trials differ; None below two."""
    at_least_one: float | None
    """pass@k; None with fewer than k trials."""
    every: float | None
    """pass^k; None with fewer than k trials."""
    exact: bool
    """Whether its trials sent the same to a scripted or replayed model."""


@click.command("cases")
@click.argument("arm")
@click.option("--scenario", "scenarios", multiple=True, help="Only this scenario; may be repeated.")
@click.option("-k", "k", type=click.IntRange(min=1), default=3, show_default=True,
              help="Trials of pass@k and pass^k.")
@click.option("--limit", type=click.IntRange(min=1), default=5000, show_default=True,
              help="Look at so many stored trials, newest first.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def cases_command(
    arm: str, scenarios: tuple[str, ...], k: int, limit: int, as_json: bool
) -> int:
    """Show ARM (as in compare) case by case: pass rate, flakiness, pass@k and pass^k.

    The flakiest cases come first.
    """
    (loaded,) = run_async(load_arms([arm], scenarios, limit))
    lines = sorted(case_lines(loaded, k), key=lambda one: (-_flaky(one), one.case))
    whole = clustered_mean(values_of(loaded.trials, [METRICS["passed"]])["passed"])
    if as_json:
        click.echo(json.dumps({
            "arm": loaded.name, "k": k, "passed": whole,
            "cases": [dataclasses.asdict(one) for one in lines],
        }, indent=2, default=lambda noun: noun.model_dump()))
        return 0
    console = stdout_console()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("case", "trials", "passed [95 % CI]", "flaky [95 % CI]", f"pass@{k}", f"pass^{k}"):
        table.add_column(head, no_wrap=True)
    for one in lines:
        table.add_row(
            Text(one.case), str(one.trials), _share(one.passed, one), _share(one.flaky, one),
            _chance(one.at_least_one), _chance(one.every),
        )
    console.print(table)
    if whole is not None:
        console.print(
            f"all cases: {whole.value:.2f} [{whole.low:.2f}, {whole.high:.2f}] ({whole.method})"
        )
    console.print(
        "flaky: chance that two trials of the case differ; pass@k: one of k passes, pass^k: all do;"
        " – where there are too few trials; exact where nothing scatters", style="dim",
    )
    return 0


def case_lines(arm: Arm, k: int) -> list[CaseLine]:
    """Return one line for each case of `arm` that has a trial that counts."""
    counted = [trial for trial in arm.trials if trial.outcome not in OUT_OF_COUNT]
    lines = []
    for case, values in values_of(counted, [METRICS["passed"]])["passed"].items():
        n, passes = len(values), round(sum(values))
        passed = wilson(passes, n)
        assert passed is not None
        lines.append(CaseLine(
            case=case, trials=n, passed=passed, flaky=flakiness(values),
            at_least_one=pass_at_k(n, passes, k), every=pass_hat_k(n, passes, k),
            exact=nothing_scatters([t for t in counted if t.key.situation == case]),
        ))
    return lines


def _flaky(one: CaseLine) -> float:
    return one.flaky.value if one.flaky else 0.0


def _share(found: Estimate | None, one: CaseLine) -> Text:
    if found is None:
        return Text("–")
    if one.exact:
        return Text(f"{found.value:.2f} exact")
    return Text(f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]")


def _chance(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
