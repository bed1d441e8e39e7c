"""One trial as a readable tree. What a model or a tool wrote is shown as plain text."""

import dataclasses
import json
from itertools import groupby

from rich.text import Text
from rich.tree import Tree

from agentdyno.cli.conditions import shared_words
from agentdyno.cli.eventlines import event_line, shorten
from agentdyno.cli.judgemarks import judge_lines
from agentdyno.cli.table import dollars
from agentdyno.core.trial import Outcome, Setting, Trial, Verdict
from agentdyno.evals.confidence import confidence
from agentdyno.evals.signals import signals
from agentdyno.experiments.summary import Condition, measure, quantile, reconcile

STATUS_STYLE = {"pass": "green", "fail": "red", "error": "magenta", "inconclusive": "yellow"}


def _verdict_line(verdict: Verdict, full: bool) -> Text:
    style = STATUS_STYLE[verdict.status]
    return Text(f"{verdict.status:12}", style=style) + Text(
        f"{verdict.check}: {shorten(verdict.reason, full)}"
    )


def _setting_line(setting: Setting) -> Text:
    same = setting.requested == setting.effective
    line = Text(f"{setting.name}: {json.dumps(setting.requested)}")
    if not same:
        line += Text(f" → {json.dumps(setting.effective)}", style="yellow")
    return line + Text(f"  {setting.note}" if setting.note else "", style="dim")


def trial_tree(trial: Trial, *, full: bool = False) -> Tree:
    """Return the tree of one trial: conversation, calls and timing, verdicts, parity."""
    key = trial.key
    good = trial.outcome is Outcome.COMPLETED
    head = Text(f"{trial.id}  ", style="bold") + Text(
        f"{key.place} ({key.runner_version}): "
    )
    head += Text(f"{trial.outcome} in {trial.duration_s:.2f} s", style="green" if good else "red")
    if trial.waited_s:
        head += Text(f", beside {trial.waited_s:.2f} s of waiting for approvals")
    root = Tree(head)
    root.add(Text(shared_words([Condition.of(trial)]), style="dim"))
    if trial.reason:
        root.add(Text(trial.reason, style="red"))
    for note in trial.notes:
        root.add(Text(f"note: {shorten(note, full)}", style="yellow"))
    for turn in trial.user_turns:
        root.add(Text("user: ", style="bold") + Text(shorten(turn, full)))
    for agent, events in groupby(trial.events, key=lambda event: event.agent):
        branch = root.add(Text(agent or "trial", style="bold yellow"))
        for event in events:
            branch.add(event_line(event, full))
    for text in trial.answers:
        root.add(Text("answer: ", style="bold") + Text(shorten(text, full)))
    _add_usage(root, trial)
    root.add(_confidence_line(trial))
    verdicts = root.add(Text("verdicts", style="bold"))
    for verdict in trial.verdicts:
        verdicts.add(_verdict_line(verdict, full))
    for line in judge_lines([trial]):
        verdicts.add(Text(line, style="yellow"))
    parity = root.add(Text("settings: requested → effective", style="bold"))
    for setting in trial.report.parity:
        parity.add(_setting_line(setting))
    return root


def _confidence_line(trial: Trial) -> Text:
    found = signals(trial)
    figure = confidence(trial, found)
    told = ", ".join(
        f"{name.replace('_', ' ')} {value:.2f}"
        for name, value in dataclasses.asdict(found).items() if value is not None
    )
    shown = "unknown" if figure is None else f"{figure:.2f}"
    return Text("confidence ", style="bold") + Text(f"{shown} ({told or 'no signal'})")


def _add_usage(root: Tree, trial: Trial) -> None:
    """Add what the whole trial took, and what the framework says of it."""
    seen = measure(trial)
    branch = root.add(Text("usage", style="bold"))
    branch.add(Text(
        f"wire: {seen.model_calls} model calls, {seen.prompt_tokens:,} prompt and "
        f"{seen.completion_tokens:,} completion tokens, {seen.tool_calls} tool calls"
    ))
    branch.add(meter_line(trial))
    if seen.billed:
        cost = "unknown: a model's price is not in the table" if seen.cost_usd is None else (
            f"{dollars(seen.cost_usd)} USD")
        branch.add(Text(f"cost: {cost}", style="" if seen.cost_usd is not None else "yellow"))
    if seen.user_calls:
        cost = f", {dollars(seen.user_cost_usd)} USD" if seen.user_cost_usd is not None else (
            ", cost unknown" if seen.user_billed else "")
        branch.add(Text(f"simulated user, in no other number: {seen.user_calls} model calls, "
                        f"{seen.user_tokens:,} tokens{cost}"))
    if seen.judge_calls:
        cost = f", {dollars(seen.judge_cost_usd)} USD" if seen.judge_cost_usd is not None else (
            ", cost unknown" if seen.judge_billed else "")
        branch.add(Text(f"judges, in no other number: {seen.judge_calls} model calls, "
                        f"{seen.judge_tokens:,} tokens{cost}"))
    if seen.gaps_ms:
        recorded = ", recorded" if "recorded" in seen.sources else ""
        first = 1000 * (quantile(seen.first_tokens_s, 0.5) or 0)
        branch.add(Text(
            f"streams{recorded}: first token p50 {first:.0f} ms, gaps p50 "
            f"{quantile(seen.gaps_ms, 0.5):.1f} ms, p95 {quantile(seen.gaps_ms, 0.95):.1f} ms"
        ))


def meter_line(trial: Trial) -> Text:
    """Return how the usage that a framework reports compares with what the wire told it."""
    meter = reconcile(trial)
    if meter is None or meter.silent:
        return Text("framework: reports no usage", style="yellow")
    named = (("requests", meter.requests), ("prompt tokens", meter.prompt_tokens),
             ("completion tokens", meter.completion_tokens))
    off = ", ".join(f"{n:+,} {name}" for name, n in named if n)
    silent = [name for name, n in named if n is None]
    untold = f"; {meter.untold} answers told it no usage" if meter.untold else ""
    left_out = f"; {' and '.join(silent)} not reported" if silent else ""
    if meter.mismatch:
        return Text(f"framework: meter_mismatch, it reports {off}{left_out}{untold}", style="red")
    return Text(f"framework: reports the same{left_out}{untold}", style="green")
