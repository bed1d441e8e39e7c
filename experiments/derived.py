"""Who said what and how the team worked, read off the wire where a runner declares nothing.

What is derived is what the bytes show: an agent's answer without tool calls is a text of its, a
call of a transfer tool is a handoff. What a framework decides without a model (why a conversation
stopped) follows from the pattern and the texts. Every event of it is marked `derived`.
"""

from collections.abc import Sequence

from agentdyno.core.event import Message, Step, WireRecord
from agentdyno.core.pattern import Parallel, Pattern, Reflection, Supervisor
from agentdyno.core.trial import USER_SIMULATOR, Trial
from agentdyno.experiments.derivedsteps import derived_steps
from agentdyno.experiments.textsaid import texts


def derived(trial: Trial, wire: Sequence[WireRecord]) -> tuple[Message | Step, ...]:
    """Return the messages and steps of `trial` that the wire shows, in order.

    Nothing when the runner declared any itself.
    """
    if any(
        isinstance(event, Message | Step) and event.agent != USER_SIMULATOR
        for event in trial.events
    ):
        return ()
    events: list[Message | Step] = [
        *derived_messages(trial, wire), *derived_steps(trial, wire)
    ]
    return tuple(sorted(events, key=lambda event: event.started_s))


def derived_messages(trial: Trial, wire: Sequence[WireRecord]) -> tuple[Message, ...]:
    """Return each finished text of an agent of `trial`; what a selector chooses is none."""
    return tuple(
        Message(
            agent=said.agent, text=said.text, derived=True, to=_to(trial.pattern, said.agent),
            started_s=said.exchange.call.ended_s, ended_s=said.exchange.call.ended_s,
        )
        for said in texts(trial, wire)
    )


def _to(pattern: Pattern | None, agent: str) -> tuple[str, ...]:
    match pattern:
        case Supervisor() if agent != pattern.manager:
            return (pattern.manager,)
        case Parallel() if agent != pattern.synthesizer:
            return (pattern.synthesizer,)
        case Reflection():
            return (pattern.critic if agent == pattern.writer else pattern.writer,)
    return ()
