"""How a gate's findings are put into words, the same in every output."""

from agentdyno.experiments.gate.drift import Drift
from agentdyno.experiments.gate.gate import Flip, GateReport
from agentdyno.experiments.gate.judge import GateLine

_MOST, _TOLD = 2, 20


def verdict_line(report: GateReport) -> str:
    """Return the verdict and its first reasons, on one line."""
    head = f"gate {report.suite}: {report.verdict.upper()}"
    found = [*map(line_told, report.of("regression"))]
    if report.policy.wire == "fail":
        found += map(drift_told, report.drifts)
    if not found and report.broken:
        found = ["the bench kept too many trials from counting"]
    if not found:
        found = [f"{line.name}: {line.why}" for line in report.of("inconclusive")] or [
            line_told(line) for line in report.of("improved")
        ]
    if not found:
        trials = sum(one.counted for one in report.coverage)
        found = [f"{len(report.lines)} questions to {trials} trials of {report.cells} cells"]
    if report.drifts and report.policy.wire == "warn":
        found.append(f"{len(report.drifts)} wire drifts")
    more = f"; and {len(found) - _MOST} more" if found[_MOST:] else ""
    return f"{head}: {'; '.join(found[:_MOST])}{more}"


def line_told(line: GateLine) -> str:
    """Return what one line says: `crewai passed 0.97 -> 0.81`."""
    return f"{line.name} {number(line.before)} -> {number(line.now)}"


def drift_told(drift: Drift) -> str:
    """Return where a cell asks otherwise."""
    return f"{drift.runner} asks otherwise in {drift.situation}, {drift.place}"


def drift_details(drift: Drift) -> list[str]:
    """Return both sides of a drift, and how to see the whole."""
    repeats = ", ".join(map(str, drift.repeats))
    told = drift.told.splitlines()
    return [
        f"blessed: {drift.before}", f"now:     {drift.now}", *told[:_TOLD],
        *(["..."] if told[_TOLD:] else []),
        f"{drift.calls} model calls differ or are gone; repeat {repeats}",
        f"see: agentdyno show {drift.trial[:10]}",
    ]


def flip_told(flip: Flip) -> str:
    """Return a case that flipped, with the trial to look at."""
    failed = f" ({', '.join(flip.failed)})" if flip.failed else ""
    return (f"{flip.situation} on {flip.runner}: passes {flip.before:.0%} -> {flip.now:.0%}{failed}"
            f"; agentdyno show {flip.trial[:10]}, blessed {flip.blessed[:10]}")


def number(value: float | None) -> str:
    """Return a number in four digits; a dash for none."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def change(line: GateLine) -> str:
    """Return the difference or ratio with its interval, or that nothing scatters."""
    if line.difference is None:
        return "exact, no interval" if line.before is not None else "–"
    estimate, sign = line.difference, "×" if line.ratio else ""
    form = "{:.3f}" if line.ratio else "{:+.3f}"
    value, low, high = map(form.format, (estimate.value, estimate.low, estimate.high))
    return f"{sign}{value} [{low}, {high}]"


def margin(line: GateLine) -> str:
    """Return the margin on the scale of the line."""
    return f"{line.margin:.0%}" if line.ratio or line.metric.startswith(("check:", "passed")) else (
        number(line.margin)
    )


def chance(line: GateLine) -> str:
    """Return the adjusted p-value."""
    return "–" if line.p is None else ("<0.001" if line.p < 0.001 else f"{line.p:.3f}")


def detectable(line: GateLine) -> str:
    """Return the smallest change that the size would show."""
    if line.mde is None:
        return "–"
    return f"×{line.mde:.2f}" if line.ratio else f"{line.mde:.3f}"
