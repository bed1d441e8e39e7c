"""Experiments as cells of tables and points of charts: pure, from where one stands."""

import json
from collections.abc import Sequence
from typing import Any

from agentdyno.core.promotion import Installed, PromotionRow
from agentdyno.dashboards.charts.looks import LookPoint
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.times import utc
from agentdyno.evals.statistics.verdict import bounds
from agentdyno.experiments.abtest.standing import Standing
from agentdyno.experiments.abtest.words import chance_of, difference_of, value_of, verdict_words
from agentdyno.experiments.promotion.release import beside_prompts

_LONG = 300
_RUN = 10
"""Characters of a run's id that are shown."""


def verdict_cells(found: Standing) -> list[dict[str, object]]:
    """Return one row for each variant against the baseline."""
    level = f"{1 - found.experiment.alpha:.0%}"
    return [
        {
            "variant": one.arm, "what it tries": shorten(title_of(found, one.arm), 120),
            "verdict": verdict_words(one),
            f"{found.design.baseline}'s": value_of(one.primary, baseline=True),
            "its own": value_of(one.primary, baseline=False),
            f"difference [{level} interval]": difference_of(one.primary) or "–",
            "adjusted p": chance_of(one.primary),
            "trials that count": f"{one.coverage.counted} of {one.coverage.trials}",
        }
        for one in found.verdicts
    ]


def guard_cells(found: Standing) -> list[dict[str, object]]:
    """Return one row for each guard of each variant."""
    return [
        {
            "variant": verdict.arm, "guard": one.question.metric, "state": one.word,
            "may get worse by": f"{one.question.margin:g}",
            "what is known": difference_of(one.question) or "–",
        }
        for verdict in found.verdicts for one in verdict.guards
    ]


def look_cells(found: Standing) -> list[dict[str, object]]:
    """Return one row for each look, newest first."""
    return [
        {
            "look": look.look, "at (UTC)": utc(look.looked_at), "repeats": look.rounds,
            "said": "; ".join(f"{one['arm']}: {one['verdict']}" for one in _said(look.said)),
            "run": look.matrix_id[:_RUN], "matrix": look.matrix_id,
        }
        for look in reversed(found.looks)
    ]


def look_points(found: Standing) -> list[LookPoint]:
    """Return what each look said of each variant, where it has an interval."""
    points = []
    for look in found.looks:
        for one in _said(look.said):
            primary = one["primary"]
            ends = [primary.get(name) for name in ("difference", "low", "high")]
            if one["primary"]["exact"] and ends[0] is not None:
                ends = [ends[0]] * 3
            if None not in ends:
                points.append(LookPoint(
                    arm=one["arm"], rounds=look.rounds, value=float(ends[0]), low=float(ends[1]),
                    high=float(ends[2]), verdict=one["verdict"],
                ))
    return points


def marks(found: Standing) -> tuple[float, float, float] | None:
    """Return where nothing differs, and where better and worse begin to matter; None as long as
    nothing is said."""
    for one in found.verdicts:
        question = one.primary
        if question.paired is not None:
            low, high = bounds(question.paired, question.margin)
            good, bad = (high, low) if question.higher_is_better else (low, high)
            return (1.0 if question.paired.ratio else 0.0), good, bad
    return None


def title_of(found: Standing, arm: str) -> str:
    """Return what a variant tries, in the words of its file."""
    declared = found.experiment.variants.get(arm)
    return "the scenario as it is" if arm == "baseline" else declared.title if declared else ""


def beside(found: Standing, arm: str) -> str:
    """Return what a variant of the experiment's own changes beside prompts, as JSON; "" for
    nothing, and for variants that scenarios declare."""
    declared = found.experiment.variants.get(arm)
    change = beside_prompts(declared) if declared else None
    if change is None:
        return ""
    dumped = change.model_dump(mode="json", exclude_defaults=True)
    return json.dumps(dumped, indent=2, ensure_ascii=False)


def prompts_of(found: Standing, arm: str) -> dict[str, tuple[str, str]]:
    """Return every prompt of baseline and variant, by `scenario.agent`; those that differ first."""
    old, new = (found.design.prompts.get(name, {}) for name in (found.design.baseline, arm))
    pairs = {name: (old.get(name, ""), new.get(name, "")) for name in dict.fromkeys([*old, *new])}
    return dict(sorted(pairs.items(), key=lambda item: item[1][0] == item[1][1]))


def scenarios_of(found: Standing, arm: str) -> tuple[str, ...]:
    """Return the scenarios that a variant would be promoted in."""
    names = found.design.prompts.get(arm, {})
    return tuple(sorted({name.rpartition(".")[0] for name in names}))


def stands(installed: Installed | None) -> str:
    """Return in words what stands under an alias."""
    if installed is None or not (installed.variant or installed.prompts):
        return "nothing"
    if not installed.variant:
        return "prompts that nobody promoted here"
    return f"{installed.variant} of {installed.experiment}"


def history_cells(rows: Sequence[PromotionRow]) -> list[dict[str, object]]:
    """Return one row for each entry of the promotion log."""
    return [
        {
            "entry": row.id, "at (UTC)": utc(row.at), "who": shorten(row.who), "did": row.kind,
            "variant": row.variant, "from": _all(row.was), "to": _all(row.becomes),
            "reason": shorten(row.reason, _LONG), "state": row.state,
            "verdict": (row.verdict or {}).get("verdict", ""),
            "evidence": ", ".join(one[:_RUN] for one in row.evidence),
            "note": shorten(row.detail, _LONG),
        }
        for row in rows
    ]


def _all(standings: dict[str, Installed]) -> str:
    return ", ".join(dict.fromkeys(stands(one) for one in standings.values()))


def _said(said: dict[str, Any]) -> list[dict[str, Any]]:
    verdicts: list[dict[str, Any]] = said["verdicts"]
    return verdicts
