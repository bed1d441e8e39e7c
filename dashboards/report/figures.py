"""Which charts a report has, and what stands in them; `pen.py` draws them."""

from collections.abc import Sequence
from typing import Any

from agentdyno.core.estimate import Estimate
from agentdyno.core.trial import Trial
from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.arms import Cell
from agentdyno.dashboards.report.contents import Findings
from agentdyno.dashboards.report.draw import Planned
from agentdyno.evals.statistics.rates import clustered_mean
from agentdyno.evals.stats import wilson
from agentdyno.experiments.compare.metrics import METRICS, OUT_OF_COUNT, values_of
from agentdyno.experiments.compare.nouns import Comparison
from agentdyno.experiments.fingerprint import nothing_scatters

MOST_LINES = 60
"""Lines of a forest plot; the tables have all."""


def planned(found: Findings) -> tuple[Planned, ...]:
    """Return the charts that a run has something to show in."""
    sound = [cell for cell in found.cells if not cell.condition.faults]
    charts = [_heat(found.cells), _rates(found.cells), _differences(found.compared.pairs),
              _front(found, sound), _spread(sound)]
    return tuple(chart for chart in charts if chart is not None)


def _counted(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.outcome not in OUT_OF_COUNT]


def _passed(trials: Sequence[Trial]) -> Estimate | None:
    good = sum(bool(t.verdicts) and all(v.status == "pass" for v in t.verdicts) for t in trials)
    return wilson(good, len(trials))


def _told(found: Estimate, exact: bool) -> str:
    return f"{words.rate(found, exact=exact)}, n = {found.n}"


def _heat(cells: Sequence[Cell]) -> Planned | None:
    squares = []
    scenarios = sorted({trial.key.scenario for cell in cells for trial in cell.trials})
    for scenario in scenarios:
        for cell in cells:
            of = [trial for trial in cell.trials if trial.key.scenario == scenario]
            counted = _counted(of)
            found = _passed(counted)
            text = "not run" if not of else "no trial counts"
            if found is not None:
                exact = nothing_scatters(counted)
                text = words.share(found.value) + "\n" + (
                    "exact" if exact else f"{words.share(found.low)} to {words.share(found.high)}")
            squares.append({
                "row": scenario, "column": cell.name, "text": text, "told": text,
                "value": None if found is None else found.value,
            })
    if len(squares) < 2:
        return None
    return Planned(
        title="Where each arm passes", chart="heat", data={"squares": squares},
        text="Share of counted trials that passed every check, with its 95 % interval.",
    )


def _rates(cells: Sequence[Cell]) -> Planned | None:
    lines = []
    scenarios = sorted({trial.key.scenario for cell in cells for trial in cell.trials})
    for scenario in scenarios:
        for cell in cells:
            counted = _counted([t for t in cell.trials if t.key.scenario == scenario])
            found = _passed(counted)
            if found is None:
                continue
            exact = nothing_scatters(counted)
            lines.append({
                "name": cell.name if len(scenarios) == 1 else f"{scenario}, {cell.name}",
                "value": found.value,
                "low": found.value if exact else found.low,
                "high": found.value if exact else found.high, "told": _told(found, exact),
            })
    return _lines(
        lines, title="Pass rates", axis="passed", percent=True, domain=(0.0, 1.0),
        text="Points with Wilson's 95 % intervals; a point alone where nothing scatters.",
    )


def _differences(pairs: Sequence[Comparison]) -> Planned | None:
    lines = []
    for pair in pairs:
        passed = next((line for line in pair.lines if line.metric == "passed"), None)
        if passed is None or passed.paired is None:
            continue
        found = passed.paired.difference
        lines.append({
            "name": f"{pair.b} – {pair.a}", "value": found.value,
            "low": found.value if passed.exact else found.low,
            "high": found.value if passed.exact else found.high,
            "told": words.difference(passed), "kind": passed.verdict,
        })
    return _lines(
        lines, title="Paired differences of pass rates", axis="difference", reference=0.0,
        percent=True,
        text="The second arm less the first, over the cases that both ran, with 95 % intervals; "
             "verdicts are adjusted for all comparisons (Holm).",
    )


def _lines(lines: list[dict[str, Any]], *, title: str, text: str, **how: Any) -> Planned | None:
    if not lines:
        return None
    more = f" The first {MOST_LINES} of {len(lines)}." if len(lines) > MOST_LINES else ""
    return Planned(title=title, chart="forest", text=text + more,
                   data={"lines": lines[:MOST_LINES], **how})


def _front(found: Findings, cells: Sequence[Cell]) -> Planned | None:
    front = found.front
    if front is None:
        return None
    spots = []
    for cell, point in zip(cells, front.points, strict=True):
        # On the cases that the front is made of, which are those that all arms ran.
        values = values_of(cell.trials, [METRICS[front.cost]])[front.cost]
        cost = clustered_mean({case: values[case] for case in found.common if case in values})
        if cost is None:
            return None
        spots.append({
            "arm": point.arm, "passed": point.passed.model_dump(mode="json"),
            "cost": cost.model_dump(mode="json"), "on_front": not point.beaten_by,
        })
    axis = f"{front.cost.replace('_', ' ')} per trial"
    return Planned(
        title="Quality against cost", chart="trade_off", data={"spots": spots, "axis": axis},
        text="Means on the cases that all arms ran, with 95 % intervals. The front is decided by "
             "medians, and by latency too: the table below has them.",
    )


def _spread(cells: Sequence[Cell]) -> Planned | None:
    values = {
        cell.name: [trial.duration_s for trial in _counted(cell.trials)] for cell in cells
    }
    if not any(len(some) > 1 for some in values.values()):
        return None
    return Planned(
        title="Wall seconds", chart="spread",
        data={"values": values, "axis": "seconds per trial, without waiting for approvals"},
        text="Every trial, with the median, the quartiles and the 5th to 95th percentile.",
    )

