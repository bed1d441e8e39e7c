"""View *Differences*: other arms against one, paired by case, and one pair metric by metric."""

import streamlit as st

from agentdyno.dashboards import frame, links
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.comparing import data
from agentdyno.dashboards.comparing.filters import Selection
from agentdyno.dashboards.comparing.pairs import show_limits, show_metric, wanted_of
from agentdyno.dashboards.comparing.words import words
from agentdyno.dashboards.text import label
from agentdyno.evals.statistics.values import means
from agentdyno.experiments.compare import nouns
from agentdyno.experiments.compare.metrics import METRICS
from agentdyno.experiments.compare.stored import against, arm_of, compare_stored
from agentdyno.experiments.compare.table import Rules
from agentdyno.store.readvalues import ArmKey, ByArm, ReadValues, Wanted

_MOST_FLIPS = 12


def view(selection: Selection) -> None:
    """Show one metric over all arms, then all metrics of one pair."""
    if len(selection.names) < 2:
        frame.empty("One arm is left: a comparison needs two that ran the same scenarios.",
                    "agentdyno run SCENARIO --runner crewai --runner langgraph")
        return
    by_name = {name: arm for arm, name in selection.names.items()}
    first, second = st.columns(2)
    with first:
        baseline = links.choose("Against", list(by_name), "against", index=_fullest(selection))
    with second:
        metric = links.choose("Metric", list(METRICS), "metric", shown=words)
    _against(selection, by_name[baseline or next(iter(by_name))], metric or "passed")
    st.subheader("One pair, metric by metric")
    others = [name for name in by_name if name != baseline]
    other = links.choose("Arm", others, "arm")
    if baseline and other:
        _pair(selection, by_name[baseline], by_name[other])


def _against(selection: Selection, baseline: ArmKey, metric: str) -> None:
    wanted = wanted_of(selection, tuple(selection.names))
    values = data.values(wanted, (metric,))
    found = against(baseline, selection.cells, values, selection.names, metric, Rules())
    st.subheader(f"{words(metric)[0].upper()}{words(metric)[1:]}, paired by case")
    show_metric(found, metric, "differences")
    show_limits(wanted, selection)


def _fullest(selection: Selection) -> int:
    """Return the place of the arm that most trials count of: the best to compare with."""
    counted = {
        arm: sum(cell.counted for cell in selection.cells if arm_of(cell) == arm)
        for arm in selection.names
    }
    return list(counted).index(max(counted, key=lambda arm: counted[arm]))


def _pair(selection: Selection, a: ArmKey, b: ArmKey) -> None:
    wanted = wanted_of(selection, (a, b))
    values, checks = data.values(wanted), data.checks(wanted)
    cells = [cell for cell in selection.cells if arm_of(cell) in (a, b)]
    (found,) = compare_stored(cells, values, checks, selection.names, tuple(METRICS), Rules())
    frame.table([_row(line, found) for line in found.lines], key="pair", plain=True)
    for cover, name in ((found.coverage_a, found.a), (found.coverage_b, found.b)):
        if cover.counted < cover.trials and cover.best is not None and cover.worst is not None:
            st.caption(
                f"{label(name)}: {cover.counted} of {cover.trials} trials count; with the others "
                f"the pass rate lies between {cover.worst:.0%} and {cover.best:.0%}."
            )
    for note in found.notes:
        st.caption(label(note, 300))
    _flips(wanted, values, selection, a, b)


def _flips(wanted: Wanted, values: ByArm, selection: Selection, a: ArmKey, b: ArmKey) -> None:
    one, other = means(values[a]["passed"]), means(values[b]["passed"])
    moved = sorted(
        (case for case in one if case in other and one[case] != other[case]),
        key=lambda case: (other[case] - one[case], case),
    )
    if not moved:
        return
    st.subheader("Cases that flipped")
    places = {cell.situation: (cell.scenario, cell.case_name) for cell in selection.cells}
    shown = moved[:_MOST_FLIPS]
    found = ask(lambda pool: ReadValues(pool).examples(wanted, [places[case] for case in shown]))
    for case in shown:
        left, middle, right = st.columns((3, 1, 1))
        left.write(f"{label(case)}: {one[case]:.0%} → {other[case]:.0%}")
        for arm, column, good in ((a, middle, one[case] > other[case]),
                                  (b, right, other[case] > one[case])):
            passing, failing = found.get((arm, case), (None, None))
            trial = (passing if good else failing) or passing or failing
            if trial:
                with column:
                    links.link("trial", selection.names[arm], trial=trial)
    if len(moved) > _MOST_FLIPS:
        st.caption(f"And {len(moved) - _MOST_FLIPS} more.")


def _row(line: nouns.Line, found: nouns.Comparison) -> dict[str, object]:
    paired = line.paired
    if paired is None:
        return {"metric": words(line.metric), found.a: None, found.b: None, "difference": "–",
                "p": None, "verdict": f"{line.verdict}: {line.why}"}
    d = paired.difference
    times = "× " if paired.ratio else ""
    interval = "nothing scatters" if line.exact else f"[{d.low:.3g}, {d.high:.3g}]"
    return {
        "metric": words(line.metric), found.a: _number(paired.a),
        found.b: _number(paired.b), "difference": f"{times}{d.value:.3g} {interval}",
        "p": None if line.exact or line.p is None else round(line.p, 4),
        "verdict": f"{line.verdict}: {line.why}" if line.why else line.verdict,
    }


def _number(value: float) -> float:
    return float(f"{value:.4g}")

