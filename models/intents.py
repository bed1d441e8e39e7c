"""From the rule that matched to a reply, in the form that the framework's own offers ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from agentdyno.core.canonical import canonical_json
from agentdyno.core.spec import AgentSpec
from agentdyno.models import dialects
from agentdyno.models.conversation import Reply, ToolOffer, ToolUse
from agentdyno.models.script import CompiledRule
from agentdyno.models.scriptfile import CallSpec
from agentdyno.models.state import MadeCall, State, call_id
from agentdyno.models.template import Compiled
from agentdyno.models.upstream import UpstreamError


class Unplayable(Exception):
    """The rule asks for something that the request leaves no room for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """One rule about to be played in one state."""

    rule: CompiledRule
    state: State
    agent: str
    ordinal: int
    team: Mapping[str, AgentSpec]

    def reply(self) -> Reply:
        """Return what the rule puts on the wire.

        Raises:
            UpstreamError: the rule's intent is an HTTP error.
            Unplayable: nothing that is offered fits the intent.
            jinja2.TemplateError: a template needs what is not visible.
        """
        rule = self.rule.rule
        if rule.http_error is not None and self.rule.error is not None:
            raise UpstreamError(rule.http_error.status, str(self.rule.error(self.state.names)))
        if self.rule.calls:
            return self._calls(self.rule.calls)
        if self.rule.data is not None:
            return self._data(self.rule.data(self.state.names))
        if rule.handoff is not None:
            return self._handoff(rule.handoff)
        if rule.delegate is not None:
            return self._delegate(rule.delegate.to, self.rule.task, self.rule.context)
        if self.rule.approve is not None:
            return self._approve(bool(self.rule.approve(self.state.names)))
        return self._text(self._said())

    def remaining(self) -> list[tuple[CallSpec, dict[str, Any]]]:
        """Return the rule's calls that this agent has not made since the last user turn."""
        made = [call for call in self.state.calls if call.own and call.now]
        planned = [(spec, make(self.state.names)) for spec, make in self.rule.calls]
        return [(spec, args) for spec, args in planned if not self._is_made(spec, args, made)]

    def _is_made(self, spec: CallSpec, arguments: Any, made: list[MadeCall]) -> bool:
        wire = self.state.offered(spec.tool) or spec.tool
        return any(call.tool == wire and call.arguments == arguments for call in made)

    def _calls(self, calls: Any) -> Reply:
        if not self.state.conversation.parallel and len(calls) > 1:
            planned = self.remaining()[:1] or [(calls[0][0], calls[0][1](self.state.names))]
        else:
            planned = [(spec, make(self.state.names)) for spec, make in calls]
        uses = [self._use(at, spec, arguments) for at, (spec, arguments) in enumerate(planned)]
        return Reply(text=self._said(), calls=tuple(uses), finish_reason="tool_calls")

    def _use(self, at: int, spec: CallSpec, arguments: Any) -> ToolUse:
        wire = self.state.offered(spec.tool)
        if wire is None and not spec.anyway:
            raise Unplayable(f"it calls tool {spec.tool!r}, which is not offered")
        text = canonical_json(arguments)
        return ToolUse(id=call_id(self.agent, self.ordinal, at), name=wire or spec.tool,
                       arguments=text[:-1] if spec.malformed else text)

    def _call(self, offer: ToolOffer, arguments: dict[str, Any], beside: str = "") -> Reply:
        if self.state.offered(offer.name) is None:
            raise Unplayable(f"it needs tool {offer.name!r}, but tool_choice is none")
        use = ToolUse(id=call_id(self.agent, self.ordinal, 0), name=offer.name,
                      arguments=canonical_json(arguments))
        return Reply(text=self._said() or beside, calls=(use,), finish_reason="tool_calls")

    def _said(self) -> str:
        return "" if self.rule.say is None else str(self.rule.say(self.state.names))

    def _text(self, text: str) -> Reply:
        choice = self.state.conversation.tool_choice
        if choice not in ("auto", "none") and self.state.conversation.tools:
            raise Unplayable(f"it answers with text, but tool_choice is {choice!r}")
        return Reply(text=text)

    def _data(self, value: Any) -> Reply:
        offer = dialects.output_tool(self.state)
        if self.state.conversation.output is None and offer is not None:
            if not isinstance(value, dict):
                raise Unplayable(f"tool {offer.name!r} takes an object, not {type(value).__name__}")
            return self._call(offer, value)
        if not dialects.asks_for_json(self.state):
            raise Unplayable(
                "it answers with data, but there is no response_format, no output tool such as "
                "final_result, and no prompt that speaks of JSON"
            )
        return self._text(orjson.dumps(value).decode())

    def _handoff(self, to: str) -> Reply:
        names = dialects.agent_names(to, self.team)
        offer = dialects.agent_tool(dialects.HANDOFF, self.state.conversation.tools, names)
        if offer is not None:
            text = self._said()
            return self._call(offer, dict.fromkeys(offer.required, text))
        if (choice := self._speaker(names)) is not None:
            return self._data(choice)
        if dialects.selects_speaker(self.state):
            return Reply(text=to)
        raise Unplayable(f"it hands over to {to!r}, but no tool like transfer_to_{to} is offered")

    def _speaker(self, names: tuple[str, ...]) -> dict[str, Any] | None:
        """Return the structured answer that names the next speaker, None where none is asked."""
        output = self.state.conversation.output
        offer = dialects.output_tool(self.state)
        schema = output.schema if output else offer.parameters if offer else None
        field = dialects.speaker_field(schema or {}, names)
        if field is None or schema is None:
            return None
        texts = [key for key in schema.get("required", ()) if key != field[0]]
        return {**dict.fromkeys(texts, self._said()), field[0]: field[1]}

    def _delegate(self, to: str, task_of: Compiled, context_of: Compiled) -> Reply:
        task, context = str(task_of(self.state.names)), str(context_of(self.state.names))
        offers = self.state.conversation.tools
        names = dialects.agent_names(to, self.team)
        shared = dialects.agent_tool(dialects.DELEGATE_SHARED, offers, names)
        offer = shared or dialects.agent_tool(dialects.DELEGATE_OWN, offers, names)
        if offer is None:
            raise Unplayable(f"it delegates to {to!r}, but no tool for that is offered")
        arguments: dict[str, Any] = {}
        if offer is shared:
            key = dialects.first_of(dialects.COLLEAGUE, offer)
            spelled = dialects.colleague(offer, key, names) if key else None
            if key is None or spelled is None:
                raise Unplayable(f"tool {offer.name!r} does not tell how to name {to!r}")
            arguments[key] = spelled
        context_key = dialects.first_of(dialects.CONTEXT, offer)
        if context_key:
            arguments[context_key] = context
        elif context:
            task = f"{task}\n\n{context}"
        task_key = dialects.first_of(dialects.TASK, offer)
        if task_key is not None:
            arguments[task_key] = task
        elif offer.required:
            raise Unplayable(f"tool {offer.name!r} has no parameter for the task")
        # Where control passes without arguments, what should be done is said.
        return self._call(offer, arguments, beside="" if task_key else task)

    def _approve(self, approve: bool) -> Reply:
        said = self._said()
        output = self.state.conversation.output
        offer = dialects.output_tool(self.state)
        schema = output.schema if output else offer.parameters if offer else None
        fields = dialects.verdict_fields(schema or {})
        if fields is not None:
            approved, comment = fields
            return self._data({approved: approve} | ({comment: said} if comment else {}))
        word = dialects.verdict_word(self.state, approve)
        if word is not None:
            return self._text(f"{word}\n\n{said}" if said else word)
        if not approve and said and dialects.verdict_word(self.state, True):
            return self._text(said)
        raise Unplayable("it gives an approval, but neither a schema nor a prompt asks for one")
