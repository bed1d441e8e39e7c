"""What a trial sent, as one hash."""

from typing import Any

from agentdyno.core.event import ToolCall, WireRecord
from agentdyno.core.trial import Trial
from agentdyno.experiments.fingerprint import nothing_scatters, wire_digest
from agentdyno.tests.experiments.trials import sealed


def asked(agent: str, seq: int, body: str, channel: str = "model") -> WireRecord:
    """Return one exchange."""
    return WireRecord.model_validate({
        "seq": seq, "channel": channel, "agent": agent, "started_s": 0.0, "request": body,
        "response": "",
    })


def used(ordinal: int, **arguments: Any) -> ToolCall:
    """Return one tool call."""
    return ToolCall(
        agent="a", started_s=0, ended_s=0, ordinal=ordinal, server="s", tool="t",
        arguments=arguments, is_error=False, result_text="",
    )


def trial(*events: ToolCall, answer: str = "yes") -> Trial:
    """Return a sealed trial."""
    return sealed(events=events).model_copy(update={"answers": (answer,)})


def test_the_order_of_keys_of_agents_and_of_tools_side_by_side_says_nothing() -> None:
    one = wire_digest(
        trial(used(0, x=1), used(1, x=2)), [asked("a", 0, '{"k": 1, "l": 2}'), asked("b", 1, "{}")]
    )
    other = wire_digest(
        trial(used(0, x=2), used(1, x=1)), [asked("b", 0, "{}"), asked("a", 1, '{"l":2,"k":1}')]
    )
    assert one == other


def test_what_was_asked_used_or_answered_otherwise_is_seen() -> None:
    plain = wire_digest(trial(used(0, x=1)), [asked("a", 0, "{}"), asked("a", 1, '{"k":1}')])
    others = [
        wire_digest(trial(used(0, x=1)), [asked("a", 0, '{"k":1}'), asked("a", 1, "{}")]),
        wire_digest(trial(used(0, x=3)), [asked("a", 0, "{}"), asked("a", 1, '{"k":1}')]),
        wire_digest(trial(used(0, x=1), answer="no"),
                    [asked("a", 0, "{}"), asked("a", 1, '{"k":1}')]),
        wire_digest(trial(used(0, x=1), used(1, x=1)),
                    [asked("a", 0, "{}"), asked("a", 1, '{"k":1}')]),
    ]
    assert len({plain, *others}) == 5


def test_one_trial_alone_cannot_show_that_nothing_scatters() -> None:
    one = trial().model_copy(update={"wire_digest": "x"})
    assert not nothing_scatters([one])
    assert nothing_scatters([one, one])
