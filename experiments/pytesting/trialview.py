"""A sealed trial as tests see it: questions that show their evidence when an assertion fails."""

import difflib
import re
from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Any

from agentdyno.core.event import MemoryAccess, ModelCall, Step, ToolCall, ToolsListed
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Trial
from agentdyno.experiments.measured import Measured, measure
from agentdyno.experiments.pytesting.path import Path
from agentdyno.experiments.pytesting.seen import Seen, call_text, numbered, shown

LIMITS = ("model_calls", "tool_calls", "prompt_tokens", "completion_tokens", "cost_usd", "wall_s")
"""What `stayed_within` can bound, in the units of `Measured`."""


class TrialView(Path):
    """One sealed trial.

    Every question returns a `Seen`, which is true or false: `assert trial.called("get_quote",
    symbol="MSFT")`, `assert not trial.called("delete")`.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        """All that the instruments saw."""

    def __repr__(self) -> str:
        key = self.trial.key
        return f"<trial {self.trial.id[:10]}: {key.situation} on {key.runner}>"

    @property
    def id(self) -> str:
        """The trial's identifier, for `agentdyno show`."""
        return self.trial.id

    @property
    def answers(self) -> tuple[str, ...]:
        """The team's answers, one for each user turn."""
        return self.trial.answers

    @property
    def answer(self) -> str:
        """The last answer; "" when there is none."""
        return self.trial.answers[-1] if self.trial.answers else ""

    @cached_property
    def measured(self) -> Measured:
        """The numbers of the trial, as the gateways counted them."""
        return measure(self.trial)

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Every tool call that reached the tool gateway, in order."""
        return tuple(event for event in self.trial.events if isinstance(event, ToolCall))

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """Agents in the order in which they worked: the steps `node` of graphs and pipelines, else
        turns at the model: one ends with an answer without tool calls, or when another begins."""
        events = self.trial.events
        steps = tuple(e.agent for e in events if isinstance(e, Step) and e.action == "node")
        if any(steps):
            return steps
        found: list[str] = []
        last: ModelCall | None = None
        for call in events:
            if not isinstance(call, ModelCall) or call.error or call.agent == USER_SIMULATOR:
                continue
            if last is None or call.agent != last.agent or not last.tools_called:
                found.append(call.agent)
            last = call
        return tuple(found)

    def passed(self) -> Seen:
        """Ask whether the trial completed and passed every check of its scenario."""
        bad = [verdict for verdict in self.trial.verdicts if verdict.status != "pass"]
        completed = self.trial.outcome is Outcome.COMPLETED
        lines = numbered(
            "the checks that did not pass:",
            [f"{verdict.check}: {verdict.status}: {shown(verdict.reason, 300)}" for verdict in bad],
            "" if self.trial.verdicts else "the scenario has no checks",
        )
        return self._seen(completed and not bad and bool(self.trial.verdicts),
                          "the trial passed every check", lines)

    def completed(self) -> Seen:
        """Ask whether the trial came to its end: no limit, no fault."""
        return self._seen(self.trial.outcome is Outcome.COMPLETED, "the trial completed", ())

    def check(self, name: str) -> Seen:
        """Ask whether the scenario's check `name` passed; raises KeyError when it has none."""
        for verdict in self.trial.verdicts:
            if verdict.check == name:
                line = f"{name}: {verdict.status}: {shown(verdict.reason, 300)}"
                return self._seen(verdict.status == "pass", f"check {name} passed", (line,))
        known = ", ".join(verdict.check for verdict in self.trial.verdicts) or "none"
        raise KeyError(f"there is no check {name!r}; there are: {known}")

    def called(
        self, tool: str, /, *, by: str | None = None, times: int | None = None, **arguments: Any
    ) -> Seen:
        """Ask whether a tool was called, successfully or not, with at least these arguments.

        Args:
            tool: `tool` or `server.tool`.
            by: only calls of this agent count.
            times: exactly how often; null for at least once.
            arguments: JSON values that the call must have; it may have others.
        """
        found = [
            call for call in self.tool_calls
            if tool in (call.tool, f"{call.server}.{call.tool}") and by in (None, call.agent)
            and all(n in call.arguments and call.arguments[n] == v for n, v in arguments.items())
        ]
        words = [call_text(tool, arguments), "was called"]
        words += [f"by {by}"] * (by is not None) + [f"{times} times"] * (times is not None)
        holds = bool(found) if times is None else len(found) == times
        counted = f"that call was made {len(found)} times"
        return self._seen(holds, " ".join(words), (
            *((counted,) if times is not None else ()), *self._never(tool),
        ))

    def called_in_order(self, *tools: str) -> Seen:
        """Ask whether these tools were called in this order; other calls may lie between."""
        rest = iter(self.tool_calls)
        holds = all(
            any(tool in (c.tool, f"{c.server}.{c.tool}") for c in rest) for tool in tools
        )
        return self._seen(holds, f"called in this order: {', '.join(tools)}", ())

    def said(
        self, text: str | re.Pattern[str], *, turn: int | None = None, ignore_case: bool = False
    ) -> Seen:
        """Ask whether the answer to a user turn (from 1; null: the last) contains a text, white
        space being equal, or holds a match of a compiled expression."""
        answers = self.trial.answers
        answer = answers[-1 if turn is None else turn - 1] if len(answers) >= (turn or 1) else None
        pattern = text if isinstance(text, re.Pattern) else re.compile(
            r"\s+".join(map(re.escape, text.split())), re.IGNORECASE if ignore_case else 0
        )
        asked = text.pattern if isinstance(text, re.Pattern) else text
        where = "the last answer" if turn is None else f"answer {turn}"
        lines = numbered("the answers:", [shown(one, 400) for one in answers], "there is no answer")
        holds = answer is not None and pattern.search(answer) is not None
        return self._seen(holds, f"{where} says {shown(repr(asked))}", lines)

    def remembered(self, text: str) -> Seen:
        """Ask whether something was written to memory that contains `text`."""
        return self._memory("write", text)

    def recalled(self, text: str) -> Seen:
        """Ask whether memory was searched for something that contains `text`."""
        return self._memory("search", text)

    def stayed_within(self, **limits: float) -> Seen:
        """Ask whether the trial kept to bounds: any of `LIMITS`, such as `model_calls=5`."""
        if unknown := sorted(set(limits) - set(LIMITS)):
            raise TypeError(f"no bound {unknown[0]!r}; there are {', '.join(LIMITS)}")
        used = {name: getattr(self.measured, name) for name in limits}
        over = [name for name, most in limits.items() if (used[name] or 0) > most]
        lines = tuple(f"{name}: {used[name]} of at most {limits[name]}" for name in limits)
        asked = ", ".join(f"{name}={most}" for name, most in limits.items())
        return self._seen(not over, f"the trial stayed within {asked}", lines)

    def _memory(self, operation: str, text: str) -> Seen:
        done = [
            event.query for event in self.trial.events
            if isinstance(event, MemoryAccess) and event.operation == operation
        ]
        verb = "written" if operation == "write" else "searched for"
        lines = numbered(f"what was {verb}:", [shown(one, 200) for one in done],
                         f"nothing was {verb} in memory")
        return self._seen(any(text in one for one in done),
                          f"{shown(repr(text))} was {verb} in memory", lines)

    def _seen(self, holds: bool, question: str, lines: Sequence[str]) -> Seen:
        evidence = (*filter(None, lines), *self.context())
        return Seen(holds=holds, question=question, evidence=evidence)

    def context(self) -> tuple[str, ...]:
        trial = self.trial
        ended = () if trial.outcome is Outcome.COMPLETED else (
            f"the trial ended with {trial.outcome.value}: {shown(trial.reason, 400)}",
        )
        return (
            *ended, *tool_call_lines(self.tool_calls),
            f"{trial.key.situation} on {trial.key.runner}@{trial.key.runner_version}; all of it: "
            f"agentdyno show {trial.id[:10]}",
        )

    def _never(self, tool: str) -> tuple[str, ...]:
        """Tell when a tool's name is nobody's, and which one is like it."""
        offered = {
            name for event in self.trial.events if isinstance(event, ToolsListed)
            for name in (*event.origins, *(o.partition(".")[2] for o in event.origins))
        }
        if not offered or tool in offered:
            return ()
        near = difflib.get_close_matches(tool, sorted(offered), n=1)
        return (f"no agent has a tool {tool!r}" + (f"; did you mean {near[0]!r}?" if near else ""),)


def tool_call_lines(calls: Collection[ToolCall]) -> tuple[str, ...]:
    """Return calls with their results as evidence."""
    return numbered(f"tool calls that were made ({len(calls)}):", [
        f"{call.agent}: {call_text(f'{call.server}.{call.tool}', call.arguments)} -> "
        f"{'error: ' if call.is_error else ''}{shown(call.result_text)}"
        for call in calls
    ], "no tool was called")
