"""One comparison of two arms as the report shows it."""

from dataclasses import dataclass

from agentdyno.dashboards.report import words
from agentdyno.dashboards.report.table import Table
from agentdyno.experiments.compare.nouns import Comparison, Line

MOST_FLIPS = 30


@dataclass(frozen=True, kw_only=True)
class PairView:
    """A pair of arms: folded, its verdicts in the line that is always seen."""

    title: str
    verdicts: tuple[tuple[str, str], ...]
    """Metric and word, for every metric that is better or worse."""
    notes: tuple[str, ...]
    lines: Table
    flips: Table | None


def view(found: Comparison) -> PairView:
    """Return how a comparison is shown: all metrics, and of the checks those that differ."""
    shown = [
        line for line in found.lines
        if not line.metric.startswith("check:") or line.verdict in ("better", "worse")
    ]
    return PairView(
        title=f"{found.b} against {found.a}",
        verdicts=tuple(
            (line.metric, line.verdict) for line in shown if line.verdict in ("better", "worse")
        ),
        notes=(*_coverage(found), *found.notes), lines=_lines(found, shown), flips=_flips(found),
    )


def _lines(found: Comparison, shown: list[Line]) -> Table:
    return Table(
        caption="Metrics",
        head=("metric", found.a, found.b, "difference [95 % CI]", "cases", "adjusted p", "margin",
              "verdict"),
        rows=tuple(
            (
                line.metric,
                *(("–", "–") if line.paired is None else
                  (words.arm_value(line.paired.a, line), words.arm_value(line.paired.b, line))),
                words.difference(line),
                "–" if line.paired is None else str(line.paired.cases),
                "–" if line.exact or line.p is None else f"{line.p:.3f}",
                f"{line.margin:g}", words.verdict(line),
            )
            for line in shown
        ),
        note="; ".join(sorted({
            f"{line.paired.difference.method}, {line.paired.test}"
            for line in shown if line.paired is not None and not line.exact
        })),
        texts=frozenset({0, 7}),
    )


def _coverage(found: Comparison) -> list[str]:
    return [
        f"{name}: {cover.counted} of {cover.trials} trials count; with the others the pass rate"
        f" lies between {words.share(cover.worst)} and {words.share(cover.best)}"
        for name, cover in ((found.a, found.coverage_a), (found.b, found.coverage_b))
        if cover.counted < cover.trials and cover.best is not None and cover.worst is not None
    ]


def _flips(found: Comparison) -> Table | None:
    if not found.flips:
        return None
    more = len(found.flips) - MOST_FLIPS
    return Table(
        caption="Cases that flipped",
        head=("case", found.a, found.b, "look at"),
        rows=tuple(
            (flip.case, words.share(flip.a), words.share(flip.b),
             f"agentdyno diff {flip.trial_a[:10]} {flip.trial_b[:10]}")
            for flip in found.flips[:MOST_FLIPS]
        ),
        note=f"{more} more cases flipped" if more > 0 else "", texts=frozenset({0, 3}),
    )
