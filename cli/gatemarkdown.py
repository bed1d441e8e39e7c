"""A gate's report as Markdown: a comment on a pull request, or a step summary."""

from agentdyno.cli.gatewords import (
    chance,
    change,
    drift_details,
    drift_told,
    flip_told,
    margin,
    number,
    verdict_line,
)
from agentdyno.experiments.gate.gate import GateReport
from agentdyno.experiments.gate.judge import GateLine

MARK = "<!-- agentdyno gate {} -->"
"""First line, by which a bot finds its own comment again."""
_MOST = 10
_SIGNS = {"regression": "❌", "inconclusive": "❔", "improved": "🎉", "pass": "✅"}
_HEAD = ("| | runner | metric | blessed | now | change | margin | p |\n"
         "|---|---|---|--:|--:|--:|--:|--:|")


def markdown(report: GateReport) -> str:
    """Return the report as Markdown; what passes is folded away."""
    parts = [
        MARK.format(report.suite),
        f"### {_SIGNS[report.verdict]} {_text(verdict_line(report))}",
    ]
    told = [line for line in report.lines if line.verdict != "pass"]
    quiet = [line for line in report.lines if line.verdict == "pass"]
    if told:
        parts.append(_table(told))
    for drift in report.drifts[:_MOST]:
        block = "\n".join(drift_details(drift)).replace("```", "'''")
        parts.append(f"**Wire drift**: {_text(drift_told(drift))}\n\n```text\n{block}\n```")
    if len(report.drifts) > _MOST:
        parts.append(f"and {len(report.drifts) - _MOST} more drifts")
    if report.flips:
        more = [f"- and {len(report.flips) - _MOST} more"] if report.flips[_MOST:] else []
        parts.append("\n".join(["**Flipped cases**\n", *(
            f"- {_text(flip_told(flip))}" for flip in report.flips[:_MOST]
        ), *more]))
    if report.notes:
        parts.append("\n".join(f"- {_text(note)}" for note in report.notes))
    if quiet:
        parts.append(f"<details><summary>{len(quiet)} that pass</summary>\n\n{_table(quiet)}\n\n"
                     "</details>")
    return "\n\n".join(parts) + "\n"


def _table(lines: list[GateLine]) -> str:
    rows = (
        (_SIGNS[line.verdict], line.runner, line.metric, number(line.before), number(line.now),
         change(line), margin(line), chance(line)) for line in lines
    )
    return "\n".join([_HEAD, *("| " + " | ".join(map(_cell, row)) + " |" for row in rows)])


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    """Keep what agents and files say from being read as HTML, or as a mention of somebody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\u200b").replace(
        "\n", " ")
