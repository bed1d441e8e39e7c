"""The stages of a team's work, read off the wire; see `derived.py`."""

from collections.abc import Iterator, Sequence

import orjson

from agentdyno.core.event import Step, StepAction, WireRecord
from agentdyno.core.pattern import (
    Dag,
    Handoff,
    Parallel,
    Pattern,
    Pipeline,
    Reflection,
    RoundRobin,
    Selector,
    Supervisor,
)
from agentdyno.core.trial import Trial
from agentdyno.experiments.exchanges import Exchange, exchanges
from agentdyno.experiments.textsaid import Text, finished, texts
from agentdyno.models.conversation import Reply, ToolUse
from agentdyno.models.dialects import (
    COLLEAGUE,
    DELEGATE_OWN,
    DELEGATE_SHARED,
    HANDOFF,
    TASK,
    agent_names,
    plain,
)


def derived_steps(trial: Trial, wire: Sequence[WireRecord]) -> tuple[Step, ...]:
    """Return the steps of `trial` that the wire shows; none when its pattern is not known."""
    if trial.pattern is None:
        return ()
    reader = _Reader(trial, exchanges(trial, wire), tuple(texts(trial, wire)))
    return tuple(reader.read(trial.pattern))


class _Reader:
    """Reads one trial."""

    def __init__(self, trial: Trial, calls: Sequence[Exchange], said: Sequence[Text]) -> None:
        self._calls = calls
        self._said = said
        self._names = {
            spec.name: agent_names(spec.name, {spec.name: spec}) for spec in trial.agents
        }

    def read(self, pattern: Pattern) -> Iterator[Step]:
        match pattern:
            case Pipeline() | Parallel() | Dag():
                yield from self._nodes()
            case RoundRobin():
                yield from self._stopped(pattern)
            case Selector():
                yield from self._selected(pattern)
                yield from self._stopped(pattern)
            case Supervisor():
                yield from self._delegated(pattern)
            case Handoff():
                yield from self._handoffs()
            case Reflection():
                yield from self._rounds(pattern)

    def _nodes(self) -> Iterator[Step]:
        """Yield a step for each activation: an agent's first call after its last text."""
        working: set[str] = set()
        for exchange in self._calls:
            agent = exchange.call.agent
            if agent not in working:
                working.add(agent)
                yield _step("node", agent, exchange.call.started_s, agent=agent)
            if finished(exchange):
                working.discard(agent)

    def _selected(self, pattern: Selector) -> Iterator[Step]:
        for exchange in self._calls:
            if exchange.call.agent != pattern.selector or exchange.reply is None:
                continue
            chosen = self._named(exchange.reply, pattern.agents)
            if chosen is not None:
                yield _step("selected", chosen, exchange.call.ended_s,
                            agent=pattern.selector, to=chosen)

    def _named(self, reply: Reply, candidates: Sequence[str]) -> str | None:
        """Return the one candidate that a selector's reply names."""
        said = {plain(text) for text in _texts_in(reply)}
        found = [name for name in candidates if said & set(self._names[name])]
        return found[0] if len(found) == 1 else None

    def _stopped(self, pattern: RoundRobin | Selector) -> Iterator[Step]:
        speakers = pattern.stop.by or pattern.agents
        count = 0
        for said in self._said:
            count += 1
            if said.agent in speakers and pattern.stop.text in said.text:
                count = 0
                yield _step("stopped", "text", said.exchange.call.ended_s)
            elif count == pattern.max_messages:
                count = 0
                yield _step("stopped", "max_messages", said.exchange.call.ended_s)

    def _delegated(self, pattern: Supervisor) -> Iterator[Step]:
        for exchange in self._calls:
            if exchange.call.agent == pattern.manager and exchange.reply is not None:
                for call in exchange.reply.calls:
                    worker = self._colleague(call, pattern.workers)
                    if worker is not None:
                        yield _step("delegated", _task(call), exchange.call.ended_s,
                                    agent=pattern.manager, to=worker)
        for said in self._said:
            if said.agent in pattern.workers:
                yield _step("returned", "", said.exchange.call.ended_s,
                            agent=said.agent, to=pattern.manager)

    def _handoffs(self) -> Iterator[Step]:
        for exchange in self._calls:
            for call in exchange.reply.calls if exchange.reply else ():
                to = self._own_tool(call, HANDOFF, tuple(self._names))
                if to is not None:
                    yield _step("handoff", call.name, exchange.call.ended_s,
                                agent=exchange.call.agent, to=to)

    def _rounds(self, pattern: Reflection) -> Iterator[Step]:
        number, writing = 0, False
        for exchange in self._calls:
            agent, text = exchange.call.agent, finished(exchange)
            if agent == pattern.writer and not writing:
                number += 1
                writing = True
                yield _step("round", f"round {number}", exchange.call.started_s, round=number)
            if agent == pattern.critic and text:
                writing = False
                if pattern.approval in text:
                    yield _step("stopped", "approval", exchange.call.ended_s)
                elif number == pattern.max_rounds:
                    yield _step("stopped", "max_rounds", exchange.call.ended_s)

    def _colleague(self, call: ToolUse, workers: Sequence[str]) -> str | None:
        """Return the worker that a manager's tool call is for."""
        if plain(call.name) not in DELEGATE_SHARED:
            return self._own_tool(call, DELEGATE_OWN, workers)
        named = {plain(str(call.parsed[key])) for key in COLLEAGUE if key in call.parsed}
        return next((name for name in workers if named & set(self._names[name])), None)

    def _own_tool(
        self, call: ToolUse, forms: Sequence[str], agents: Sequence[str]
    ) -> str | None:
        for name in agents:
            spelled = {form.format(agent=known) for form in forms for known in self._names[name]}
            if plain(call.name) in spelled:
                return name
        return None


def _step(
    action: StepAction, name: str, at_s: float, *, agent: str = "", to: str = "",
    round: int | None = None,
) -> Step:
    return Step(agent=agent, started_s=at_s, ended_s=at_s, action=action, name=name, to=to,
                round=round, derived=True)


def _task(call: ToolUse) -> str:
    return next((str(call.parsed[key]) for key in TASK if key in call.parsed), "")


def _texts_in(reply: Reply) -> Iterator[str]:
    """Yield a reply's text, and the texts of the structure that it or its calls hold."""
    yield reply.text
    for source in (reply.text, *(call.arguments for call in reply.calls)):
        try:
            value = orjson.loads(source)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            yield from (text for text in value.values() if isinstance(text, str))
