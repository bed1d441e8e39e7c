"""`agentdyno calibrate`: how often a gate cries wolf, and what it would see."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentdyno.cli.context import load_settings

if TYPE_CHECKING:
    from agentdyno.core.trial import Trial
    from agentdyno.experiments.gate.baseline import Baseline
    from agentdyno.experiments.gate.suites import LoadedSuite

FAILED = 1
_LIMIT = 10_000


@click.command()
@click.argument("suite", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--baseline", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Blessed file to draw from instead of the suite's own.")
@click.option("--stored", is_flag=True,
              help="Draw also from stored trials of the same cells, such as those of other seeds.")
@click.option("--effect", type=click.FloatRange(0.0, 1.0, min_open=True), default=0.1,
              show_default=True, help="Drop of the pass rate that is planted.")
@click.option("--rounds", type=click.IntRange(min=20), default=500, show_default=True,
              help="Pairs of runs that are drawn.")
@click.option("--seed", default=0, show_default=True, help="Seed of the drawing.")
@click.option("--json", "as_json", is_flag=True, help="The figures as JSON.")
def calibrate(
    suite: Path, baseline: Path | None, stored: bool, effect: float, rounds: int, seed: int,
    as_json: bool,
) -> int:
    """Draw pairs of runs of SUITE from its blessed trials, judge them, and count.

    Both runs of a pair come from the same trials, so every regression is a false alarm; then the
    drop is planted in the second one, and every regression is a hit. Exit code 1 when there are
    surely more false alarms than the suite's alpha.
    """
    from agentdyno.cli.database import run_async
    from agentdyno.experiments.gate.baseline import read_baseline
    from agentdyno.experiments.gate.pools import pool_of, same_cells, scatters
    from agentdyno.experiments.gate.simulate import Plan, advised
    from agentdyno.experiments.gate.simulate import calibrate as drawn
    from agentdyno.experiments.gate.suites import read_suite
    from agentdyno.scenarios.paths import shown

    loaded = read_suite(suite)
    path = baseline or loaded.baseline
    blessed = read_baseline(path, shown(path))
    more = same_cells(loaded.suite, blessed, run_async(_stored(blessed))) if stored else ()
    pool = pool_of(loaded.suite, (*blessed.cells, *more))
    trials = [one for cases in pool.values() for some in cases.values() for one in some]
    _need_trials(trials, shown(path))
    questions = sum(len({n for some in cases.values() for one in some for n in one})
                    for cases in pool.values())
    rate = sum(one.get("passed", 0.0) for one in trials) / len(trials)
    told: dict[str, Any] = {
        "suite": loaded.suite.name, "trials_drawn_from": len(trials), "alpha": loaded.suite.alpha,
        "pass_rate": rate, "effect": effect, "questions": questions, "scatters": scatters(pool),
        "false_alarms": None, "power": None, "cleared": None,
    }
    if told["scatters"]:
        plan = Plan(trials=loaded.suite.trials, effect=effect, rounds=rounds, seed=seed,
                    alpha=loaded.suite.alpha, margins=_margins(loaded, pool))
        found = drawn(pool, plan)
        told |= found.model_dump(mode="json", include={"false_alarms", "power", "cleared"})
    # A rate at the edge has no scatter to plan with; nine of ten is what a good suite has.
    planned = min(max(rate, effect), 0.9)
    told["advised"] = [
        {"trials": size.trials, "cases": size.cases}
        for size in advised(effect, planned, questions, loaded.suite.alpha)
    ]
    click.echo(json.dumps(told, indent=2) if as_json else _words(told, planned))
    alarms = told["false_alarms"]
    return FAILED if alarms and alarms["low"] > loaded.suite.alpha else 0


async def _stored(blessed: "Baseline") -> "list[Trial]":
    from agentdyno.cli.database import open_database
    from agentdyno.store.trials import TrialStore

    places = {(cell.situation.partition(":")[0], cell.runner) for cell in blessed.cells}
    async with open_database(load_settings()) as pool:
        store = TrialStore(pool)
        rows = [
            row for scenario, runner in sorted(places)
            for row in await store.list(scenario=scenario, runner=runner, limit=_LIMIT)
        ]
        return await store.load([row.id for row in rows])


def _need_trials(trials: list[Any], path: str) -> None:
    from agentdyno.core.errors import UsageError

    if not trials:
        raise UsageError(f"{path} holds no trial that counts.", "agentdyno bless SUITE")


def _margins(loaded: "LoadedSuite", pool: Any) -> dict[str, float]:
    margins = dict(loaded.suite.margins)
    every = margins.pop("checks", None)
    if every is not None:
        names = {n for cases in pool.values() for some in cases.values() for t in some for n in t}
        margins = {name: every for name in names if name.startswith("check:")} | margins
    return margins


def _words(told: dict[str, Any], planned: float) -> str:
    drop = f"{100 * told['effect']:.3g} points"
    lines = [f"suite {told['suite']}: {told['questions']} questions at once, alpha "
             f"{told['alpha']:g}, drawn from {told['trials_drawn_from']} trials"]
    if told["scatters"]:
        from agentdyno.core.estimate import Estimate

        def share(name: str) -> str:
            found: Estimate = Estimate.model_validate(told[name])
            return (f"{found.value:.1%} [{found.low:.1%}, {found.high:.1%}] of {found.n} pairs, "
                    f"seed {found.seed}")

        lines += [
            f"false alarms without any change:     {share('false_alarms')}",
            f"a drop of {drop} is seen:         {share('power')}",
            f"no change is cleared, not unknown:   {share('cleared')}",
        ]
    else:
        lines.append("nothing scatters: all trials of a case came to the same. No change can give "
                     "a false alarm, and every change of a result is seen.")
    lines.append(f"where trials scatter, at a pass rate of {planned:.0%}, a drop of {drop} is seen "
                 "with 80% chance by:")
    lines += [f"  {size['cases']:6} cases with {size['trials']:2} trials each, on both sides"
              for size in told["advised"]]
    return "\n".join(lines)
