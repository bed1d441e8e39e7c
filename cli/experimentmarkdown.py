"""An experiment's report as Markdown: for a pull request, or for the record."""

from collections.abc import Sequence

from agentdyno.experiments.abtest.judge import ArmVerdict
from agentdyno.experiments.abtest.standing import Standing
from agentdyno.experiments.abtest.words import (
    chance_of,
    difference_of,
    guard_words,
    headline,
    plan_words,
    prompt_diff,
    sentence,
    value_of,
    verdict_words,
)

_SIGNS = {"better": "✅", "worse": "❌", "equal": "🟰", "inconclusive": "❔", "running": "⏳"}


def markdown_of(found: Standing) -> str:
    """Return the report as Markdown; what files say is kept from being read as HTML."""
    parts = [
        f"### {_text(headline(found))}", _text(found.experiment.hypothesis.strip()),
        _text(plan_words(found)), _verdicts(found),
        "\n".join(f"- {_text(sentence(one, found.design.baseline))}" for one in found.verdicts),
    ]
    guards = [
        (one.arm, guard_words(guard), f"{guard.question.margin:g}")
        for one in found.verdicts for guard in one.guards
    ]
    if guards:
        parts.append(_rows(("variant", "guard", "margin"), guards))
    for arm in found.design.challengers:
        parts += [
            f"<details><summary>prompt {_text(name)} of {_text(arm)}</summary>\n\n"
            f"{_fenced(lines)}\n\n</details>"
            for name, lines in prompt_diff(found, arm).items()
        ]
    if found.looks:
        parts.append("Runs: " + ", ".join(f"`{one[:12]}`" for one in found.matrices))
    return "\n\n".join(parts) + "\n"


def _verdicts(found: Standing) -> str:
    baseline, confidence = found.design.baseline, 100 * (1 - found.experiment.alpha)
    heads = ("", "variant", f"{found.experiment.metric} of {baseline}", "of the variant",
             f"difference [{confidence:g} % CI]", "adjusted p", "verdict", "trials")
    return _rows(heads, [
        (_sign(one), one.arm, value_of(one.primary, baseline=True),
         value_of(one.primary, baseline=False), difference_of(one.primary) or "–",
         chance_of(one.primary), verdict_words(one),
         f"{one.coverage.counted}/{one.coverage.trials}")
        for one in found.verdicts
    ])


def _sign(verdict: ArmVerdict) -> str:
    return _SIGNS[verdict.word if verdict_words(verdict) == verdict.word else "worse"]


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(_text(cell).replace("|", "\\|") for cell in line) + " |"
                     for line in lines)


def _fenced(lines: Sequence[str]) -> str:
    """Return a code block whose fence no line of it can close."""
    text = "\n".join(lines)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}diff\n{text}\n{fence}"


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("@", "@\u200b").replace(
        "\n", " ")
