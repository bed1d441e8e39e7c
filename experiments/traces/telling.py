"""A scene as spans: agents, what they asked, what they called and what they waited for."""

from collections.abc import Iterator

from agentdyno.core.event import Approval, MemoryAccess, ModelCall, ModelTry, ToolCall
from agentdyno.core.trial import USER_SIMULATOR
from agentdyno.experiments.exchanges import Exchange
from agentdyno.experiments.textsaid import finished
from agentdyno.experiments.traces.attributes import (
    agent_attributes,
    approval_attributes,
    lone_attributes,
    memory_attributes,
    model_attributes,
    plain_attributes,
    tool_attributes,
)
from agentdyno.experiments.traces.invocations import Invocation, invocations
from agentdyno.experiments.traces.messages import text_messages
from agentdyno.experiments.traces.pairing import asked_tool
from agentdyno.experiments.traces.scene import Draft, Scene
from agentdyno.experiments.traces.spans import Value
from agentdyno.models.conversation import RequestError


def told(scene: Scene) -> Iterator[Draft]:
    """Yield the spans below the scene's root, parents before their children."""
    for one in invocations(scene.events):
        yield from _invocation(scene, one)
    for event in scene.events:
        if isinstance(event, MemoryAccess) and scene.index[id(event)] not in scene.shown:
            yield _memory(scene, event, scene.root)
    for record in scene.paired[1]:
        name, arguments = asked_tool(record)
        at_s = scene.offset_s + record.started_s
        yield Draft(
            key=f"{scene.root}:wire:{record.seq}", parent=scene.root, started_s=at_s, ended_s=at_s,
            name=f"execute_tool {scene.cutter.text(name, 100)}", kind="tool",
            attributes=lone_attributes(name, arguments, record, scene.cutter),
            error="the call was given up before it began",
        )


def _invocation(scene: Scene, one: Invocation) -> Iterator[Draft]:
    key = f"{scene.root}:agent:{one.agent}:{one.number}"
    spec = next((spec for spec in scene.trial.agents if spec.name == one.agent), None)
    agent = Draft(
        key=key, parent=scene.root, name=f"invoke_agent {one.agent}",
        kind="user" if one.agent == USER_SIMULATOR else "agent",
        started_s=scene.offset_s + one.started_s, ended_s=scene.offset_s + one.ended_s,
        attributes=agent_attributes(one.agent, spec, scene.trial, scene.cutter)
        | _texts(scene, one),
    )
    agent.moments += [scene.moment(scene.at(event)) for event in one.said]
    yield agent
    for event in one.events:
        match event:
            case ModelCall():
                yield from _model(scene, event, key)
            case ToolCall():
                yield from _tool(scene, event, key)
            case Approval() if event.decision != "logged":
                yield _approval(scene, event, key)


def _texts(scene: Scene, one: Invocation) -> dict[str, Value]:
    """Return what the agent was told last before it began, and the text with which it ended."""
    found: dict[str, Value] = {}
    first = next((e for call in one.calls[:1] if (e := _exchange(scene, call))), None)
    if first is not None and (heard := _heard(first)):
        found["gen_ai.input.messages"] = text_messages("user", (heard,), scene.cutter)
    last = _exchange(scene, one.closing) if one.closing else None
    if last is not None and (text := finished(last)):
        found["gen_ai.output.messages"] = text_messages("assistant", (text,), scene.cutter)
    return found


def _heard(exchange: Exchange) -> str:
    try:
        asked = exchange.asked.messages
    except RequestError:
        return ""
    return next((message.text for message in reversed(asked) if message.role == "user"), "")


def _exchange(scene: Scene, call: ModelCall) -> Exchange | None:
    record = scene.paired[0].get(scene.index[id(call)])
    return None if record is None else Exchange(call=call, wire=record)


def _model(scene: Scene, call: ModelCall, parent: str) -> Iterator[Draft]:
    at = scene.at(call)
    key = f"{scene.root}:event:{at}"
    embeds = call.api == "embeddings"
    draft = Draft(
        key=key, parent=parent, kind="embeddings" if embeds else "model",
        name=f"{'embeddings' if embeds else 'chat'} {scene.cutter.text(call.model, 100)}",
        started_s=scene.offset_s + call.started_s, ended_s=scene.offset_s + call.ended_s,
        attributes=model_attributes(call, scene.paired[0].get(at), scene.cutter)
        | {scene.seq: at},
        error=None if call.error is None else scene.cutter.text(call.error),
    )
    inside = [scene.events[i] for i in scene.below.get(at, ())]
    tries = [event for event in inside if isinstance(event, ModelTry)]
    # One attempt that was answered is the call itself.
    apart = len(tries) > 1 or any(one.decision != "answered" for one in tries)
    draft.moments += [
        scene.moment(i) for i in scene.below.get(at, ())
        if not (apart and isinstance(scene.events[i], ModelTry))
    ]
    yield draft
    for one in tries if apart else ():
        yield _try(scene, one, key)


def _try(scene: Scene, one: ModelTry, parent: str) -> Draft:
    at = scene.at(one)
    return Draft(
        key=f"{scene.root}:event:{at}", parent=parent, kind="try",
        name=f"attempt {one.attempt} {scene.cutter.text(one.model, 100)}",
        started_s=scene.offset_s + one.started_s, ended_s=scene.offset_s + one.ended_s,
        attributes=plain_attributes(one, scene.cutter) | {scene.seq: at},
        error=None if one.error is None else scene.cutter.text(one.error),
    )


def _tool(scene: Scene, call: ToolCall, parent: str) -> Iterator[Draft]:
    at = scene.at(call)
    key = f"{scene.root}:event:{at}"
    inside = scene.below.get(at, ())
    yield Draft(
        key=key, parent=parent, kind="tool",
        name=f"execute_tool {scene.cutter.text(call.tool, 100)}",
        started_s=scene.offset_s + call.started_s, ended_s=scene.offset_s + call.ended_s,
        attributes=tool_attributes(call, scene.paired[0].get(at), scene.cutter)
        | {scene.seq: at},
        moments=[scene.moment(i) for i in inside
                 if not isinstance(scene.events[i], MemoryAccess)],
        error=scene.cutter.text(call.result_text) if call.is_error else None,
    )
    for i in inside:
        event = scene.events[i]
        if isinstance(event, MemoryAccess):
            yield _memory(scene, event, key)


def _memory(scene: Scene, access: MemoryAccess, parent: str) -> Draft:
    at = scene.at(access)
    return Draft(
        key=f"{scene.root}:event:{at}", parent=parent, kind="memory",
        name=f"memory {access.operation}",
        started_s=scene.offset_s + access.started_s, ended_s=scene.offset_s + access.ended_s,
        attributes=memory_attributes(access, scene.cutter) | {scene.seq: at},
    )


def _approval(scene: Scene, approval: Approval, parent: str) -> Draft:
    at = scene.at(approval)
    return Draft(
        key=f"{scene.root}:event:{at}", parent=parent, kind="approval",
        name=f"approval {scene.cutter.text(approval.tool, 100)}",
        started_s=scene.offset_s + approval.started_s,
        ended_s=scene.offset_s + approval.ended_s,
        attributes=approval_attributes(approval, scene.cutter) | {scene.seq: at},
    )
