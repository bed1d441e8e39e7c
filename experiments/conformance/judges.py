"""What every trial of a team must be like: how it ends, what it answers, who is billed for what."""

import re
from collections import Counter
from collections.abc import Iterator

from agentdyno.core.trial import Outcome
from agentdyno.experiments.conformance.play import Played, verdicts

TOOL = "evaluate"
"""The one tool that the cases' servers offer."""


def outcome(played: Played) -> Iterator[str]:
    """The trial ends as it should."""
    ended, wanted = played.trial.outcome.value, played.case.spec.ends
    if ended not in wanted:
        yield f"it ended with {ended}, not {' or '.join(wanted)}: {played.trial.reason}"


def answer(played: Played) -> Iterator[str]:
    """The answers are right, to the letter."""
    for verdict in verdicts(played):
        if verdict.status != "pass":
            yield f"check {verdict.check}: {verdict.reason}"


def calls(played: Played) -> Iterator[str]:
    """Each agent makes as many model calls as its part asks for; one without a part makes none."""
    made = Counter(call.agent for call in played.model_calls)
    for agent, wanted in played.case.spec.calls.items():
        if made[agent] != wanted:
            yield f"{agent} made {made[agent]} model calls, not {wanted}"
    for agent, most in played.case.spec.at_most.items():
        if made[agent] > most:
            yield f"{agent} made {made[agent]} model calls, more than {most}"


def usage(played: Played) -> Iterator[str]:
    """What the framework says it used is what it was told on the wire."""
    said = played.trial.usage_reported
    if said is None:
        return
    told = [call.usage_sent for call in played.model_calls if call.usage_sent]
    for name in ("prompt", "completion"):
        on_wire = sum(getattr(tokens, name) for tokens in told)
        reported = getattr(said, f"{name}_tokens")
        if reported is not None and reported != on_wire:
            yield f"it reports {reported} {name} tokens, the wire says {on_wire}"


def together(played: Played) -> Iterator[str]:
    """Agents that should work side by side do so."""
    for agent in sorted(played.absent):
        yield f"{agent} did not begin while the others waited for it, so they are not side by side"


def own_settings(played: Played) -> Iterator[str]:
    """Each agent's calls carry its own prompt and temperature, and offer its own tools alone."""
    deviating = {
        row.name.rpartition(".")[2] for row in played.trial.report.parity
        if row.requested != row.effective
    }
    wrong: dict[str, None] = {}
    for exchange in played.exchanges:
        name, spec = exchange.call.agent, played.case.agent(exchange.call.agent)
        if f"{name}-private" not in exchange.wire.request:
            wrong[f"a call of {name} lacks its instructions"] = None
        given = exchange.request.get("temperature")
        if given != spec.temperature and "temperature" not in deviating:
            wrong[f"a call of {name} asks for temperature {given}, not {spec.temperature}"] = None
        if TOOL in exchange.call.tools_offered and not spec.tools:
            wrong[f"{name} is offered the tool {TOOL} of another agent"] = None
    yield from wrong


def told(played: Played) -> Iterator[str]:
    """A failure comes to whoever should know of it, or ends the trial with its reason."""
    wanted = played.case.spec.told
    if wanted is None or was_told(played):
        return
    if played.trial.outcome is Outcome.COMPLETED:
        yield f"{wanted.agent} goes on, and was never told of {wanted.words!r}"
    elif not re.search(wanted.words, played.trial.reason):
        yield f"the trial ended without a word of {wanted.words!r}: {played.trial.reason}"


def was_told(played: Played) -> bool:
    """Tell whether the failure of the case came to its agent as the result of a tool, or in the
    name of whoever failed (LangGraph's workers answer so)."""
    wanted = played.case.spec.told
    return wanted is not None and any(
        (message.role == "tool" or message.name not in (None, wanted.agent))
        and re.search(wanted.words, message.text)
        for exchange in played.exchanges if exchange.call.agent == wanted.agent
        for message in exchange.asked.messages
    )


def asked_again(played: Played) -> Iterator[str]:
    """A selector that names nobody is asked again, and then the trial says so or goes on."""
    agent = played.case.spec.asked_again
    if agent is None:
        return
    asked = sum(call.agent == agent for call in played.model_calls)
    spoken = {call.agent for call in played.model_calls} - {agent}
    if asked < 2:
        yield f"{agent} was asked {asked} times, not again"
    if played.trial.outcome is not Outcome.COMPLETED and spoken:
        yield f"{', '.join(sorted(spoken))} worked although nobody was named"
    if played.trial.outcome is Outcome.AGENT_FAULT and not re.search(
        r"(?i)select|speaker|choos|nam", played.trial.reason.splitlines()[0]
    ):
        yield f"the trial's reason does not say that nobody was named: {played.trial.reason}"
