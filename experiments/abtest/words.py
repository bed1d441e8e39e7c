"""Verdicts of experiments in words, for the terminal, for Markdown and for the dashboard."""

import math

from agentdyno.core.difference import unified
from agentdyno.evals.statistics.verdict import chance_words
from agentdyno.experiments.abtest.judge import ArmVerdict, Guarded, Question
from agentdyno.experiments.abtest.standing import Standing

_MEANING = {
    "better": "is better than", "worse": "is worse than",
    "equal": "is equal, within the margin, to", "inconclusive": "cannot be told from",
    "running": "is not told yet from",
}


def headline(found: Standing) -> str:
    """Return name, version, state and progress in one line."""
    return (
        f"{found.row.name}, version {found.row.version}: {found.state},"
        f" {found.rounds} of at most {found.design.rounds} repeats,"
        f" {len(found.looks)} {'look' if len(found.looks) == 1 else 'looks'}"
    )


def plan_words(found: Standing) -> str:
    """Return in one line what was planned."""
    asked, design = found.experiment, found.design
    rule = {
        "fixed": "judged once, when all of it has run",
        "sequential": f"judged after every {design.rounds_per_look} repeats, by a test that may be"
                      " looked at so often (betting, Waudby-Smith and Ramdas 2024)",
    }[asked.stopping.rule]
    cases, runners = len(design.cases), len(design.runners)
    return (
        f"{asked.metric} against {design.baseline}; alpha {asked.alpha:g} over"
        f" {len(design.challengers)} {_plural('variant', len(design.challengers))} (Holm);"
        f" {cases} {_plural('case', cases)} x {runners} {_plural('runner', runners)}; {rule}"
    )


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def sentence(verdict: ArmVerdict, baseline: str) -> str:
    """Return a verdict as a sentence."""
    text = f"{verdict.arm} {_MEANING[verdict.word]} {baseline} in {verdict.primary.metric}"
    difference = difference_of(verdict.primary)
    if difference:
        text += f": {difference}"
    broken = [one.question.metric for one in verdict.guards if one.word == "broken"]
    unknown = [one.question.metric for one in verdict.guards if one.word == "unknown"]
    if broken:
        text += f"; it breaks {', '.join(broken)}"
    if unknown and verdict.word not in ("running", "worse"):
        text += f"; whether {', '.join(unknown)} holds is not known"
    return text + (f" ({verdict.why})" if verdict.why else "")


def verdict_words(verdict: ArmVerdict) -> str:
    """Return the verdict in a word or two: one that is good by its metric may break a guard."""
    broken = sum(one.word == "broken" for one in verdict.guards)
    if broken and verdict.word in ("better", "equal"):
        return f"{verdict.word}, breaks {'a guard' if broken == 1 else f'{broken} guards'}"
    return verdict.word


def difference_of(question: Question) -> str:
    """Return difference or ratio with its interval; "" where nothing is said."""
    paired = question.paired
    if paired is None:
        return ""
    estimate = paired.difference
    shown = f"× {_factor(estimate.value)}" if paired.ratio else f"{estimate.value:+.3f}"
    if question.exact:
        return f"{shown} (no sampling noise)"
    ends = (
        f"{_factor(estimate.low)}, {_factor(estimate.high)}" if paired.ratio
        else f"{estimate.low:+.3f}, {estimate.high:+.3f}"
    )
    return f"{shown} [{ends}]"


def _factor(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "∞"


def value_of(question: Question, *, baseline: bool) -> str:
    """Return the mean of one arm; "–" where nothing is said."""
    if question.paired is None:
        return "–"
    value = question.paired.a if baseline else question.paired.b
    is_rate = question.metric == "passed" or question.metric.startswith("check:")
    shown = f"{value:.2f}" if is_rate else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
    return f"{shown} {question.unit}".rstrip()


def chance_of(question: Question) -> str:
    """Return the adjusted p-value; "–" where there is none."""
    return chance_words(None if question.exact else question.p)


def guard_words(guard: Guarded) -> str:
    """Return a guard with what is known of it."""
    told = difference_of(guard.question)
    return f"{guard.question.metric} {guard.word}" + (f": {told}" if told else "")


def prompt_diff(found: Standing, arm: str) -> dict[str, list[str]]:
    """Return a unified diff of each prompt that differs from the baseline's, before templates were
    rendered, by `scenario.agent`."""
    baseline = found.design.baseline
    old, new = (found.design.prompts.get(name, {}) for name in (baseline, arm))
    return {
        name: unified(
            old.get(name, "").splitlines(), new.get(name, "").splitlines(), (baseline, arm),
            most=None, width=None,
        )
        for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)
    }


def next_step(found: Standing) -> str:
    """Return the command that goes on from here."""
    name = found.row.name
    if found.state in ("planned", "running"):
        return f"agentdyno experiment run {found.design.source or name}"
    good = next((one for one in found.verdicts if one.word == "better" and one.guards_hold), None)
    return (
        f"agentdyno experiment approve {name} {good.arm}" if good
        else f"agentdyno experiment report {name}"
    )
