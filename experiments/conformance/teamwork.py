"""What a runner declares of its team's work, and who sees what of it."""

from collections.abc import Iterator, Sequence

from agentdyno.core.event import Step
from agentdyno.experiments.conformance.case import Stage
from agentdyno.experiments.conformance.play import Played
from agentdyno.experiments.conformance.sight import sight, texts_of

Text = tuple[str, str]
"""An agent, and what it said."""


def messages(played: Played) -> Iterator[str]:
    """Each agent's finished text is declared as a Message, once."""
    wanted = played.case.spec.said or ()
    got = [(event.agent, event.text) for event in played.messages]
    due = [(said.agent, said.text) for said in wanted]
    if not _same(got, due, ordered=played.case.spec.ordered):
        yield f"the messages are\n{_listed(got)}\nand should be\n{_listed(due)}"
        return
    for said in wanted:
        if said.to is not None:
            event = next(e for e in played.messages if (e.agent, e.text) == (said.agent, said.text))
            if event.to != said.to:
                yield f"the message of {said.agent} is to {event.to}, not to {said.to}"


def steps(played: Played) -> Iterator[str]:
    """The stages of the team's work are declared as Steps, once each."""
    wanted = played.case.spec.steps or ()
    actions = {stage.action for stage in wanted}
    got = [step for step in played.steps if step.action in actions]
    if played.case.spec.ordered:
        right = len(got) == len(wanted) and all(map(_is, got, wanted))
    else:
        right = _pairs_off(got, wanted)
    if not right:
        due = _listed([_stage(stage) for stage in wanted])
        yield f"the steps are\n{_listed([_stage(s) for s in got])}\nand should be\n{due}"


def moments(played: Played) -> Iterator[str]:
    """What is declared comes while it happens: an agent's text before the next one is answered."""
    if all(event.derived for event in played.messages):
        return
    for agent, text in played.late:
        yield f"the message of {agent} was not declared before the next agent worked: {text!r}"


def sees(played: Played) -> Iterator[str]:
    """Each agent sees what it needs of the others, and nothing that it must not see."""
    seen = sight(played)
    for agent, wanted in played.case.spec.sees.items():
        for what in sorted(set(wanted) - seen.get(agent, frozenset())):
            yield f"{agent} never sees {what}"
    for agent, refused in played.case.spec.blind.items():
        for what in sorted(set(refused) & seen.get(agent, frozenset())):
            yield f"{agent} sees {what}"


def gets(played: Played) -> Iterator[str]:
    """What one agent hands to another comes to it to the letter."""
    for agent, wanted in played.case.spec.gets.items():
        texts = [
            text for exchange in played.exchanges if exchange.call.agent == agent
            for text in texts_of(exchange)
        ]
        for due in wanted:
            if not any(due in text for text in texts):
                shown = "\n".join(f"  {text!r}" for text in texts) or "  nothing"
                yield f"{agent} is not given\n  {due!r}\nbut\n{shown}"


def _same(got: Sequence[Text], due: Sequence[Text], *, ordered: bool) -> bool:
    return list(got) == list(due) if ordered else sorted(got) == sorted(due)


def _is(step: Step, stage: Stage) -> bool:
    return (
        step.action == stage.action
        and stage.agent in (None, step.agent)
        and stage.to in (None, step.to)
        and stage.round in (None, step.round)
        and (stage.name is None or stage.name in step.name)
    )


def _pairs_off(got: Sequence[Step], wanted: Sequence[Stage]) -> bool:
    left = list(got)
    for stage in wanted:
        match = next((step for step in left if _is(step, stage)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _stage(stage: Stage | Step) -> Text:
    way = " -> ".join(filter(None, (stage.agent, stage.to)))
    numbered = f" {stage.round}" if stage.round else ""
    return f"{stage.action}{numbered} {way}".strip(), stage.name or ""


def _listed(rows: Sequence[Text]) -> str:
    return "\n".join(f"  {who}: {text}" for who, text in rows) or "  none"
