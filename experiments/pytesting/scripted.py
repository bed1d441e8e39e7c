"""A scripted model in memory: the rules of `design/scripted-model.md`, without file and server."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.core.spec import AgentSpec
from agentdyno.core.yamlfile import parse_yaml
from agentdyno.models.conversation import Reply
from agentdyno.models.script import Script, compile_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest

Rules = Sequence[Mapping[str, Any]]
SOLO = "solo"
"""Name of the agent where a test has only one."""


def script_of(
    rules: Rules | Mapping[str, Rules], variables: Mapping[str, Any] | None = None,
    shown_as: str = "the script in this test",
) -> Script:
    """Compile rules that stand in a test.

    Args:
        rules: rules of the one agent `solo`, or rules by agent.
        variables: what templates read as `vars`.
        shown_as: what messages call the script.

    Raises:
        InputError: with every problem; line numbers count the rules as JSON, the key is exact.
    """
    by_agent = rules if isinstance(rules, Mapping) else {SOLO: rules}
    plain = {name: [dict(rule) for rule in some] for name, some in by_agent.items()}
    document = parse_yaml(json.dumps({"agents": plain}, indent=1), shown_as)
    return compile_script(document, list(by_agent), dict(variables or {}))


def stand_in(name: str, **changes: Any) -> AgentSpec:
    """Return the definition of an agent that is code of a test."""
    words = {"role": name, "goal": "do what the test says", "instructions": f"You are {name}."}
    return AgentSpec(name=name, **{**words, **changes})


class ScriptedModel:
    """Answers conversations by rules, in memory; it keeps no state between requests.

    `await model.reply(messages, tools)` takes messages and tools as they stand in a request to
    `/v1/chat/completions` and returns the text and the tool calls of the answer.
    """

    def __init__(
        self, rules: Rules | Mapping[str, Rules], variables: Mapping[str, Any] | None = None, *,
        seed: int = 0,
    ) -> None:
        """Compile `rules`; raises as `script_of`."""
        script = script_of(rules, variables)
        self._team = {name: stand_in(name) for name in script.rules}
        self._upstream = ScriptedUpstream(script, seed)
        self._ordinals = dict.fromkeys(self._team, 0)

    async def reply(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = (), *,
        agent: str = SOLO, **options: Any,
    ) -> Reply:
        """Answer one request of `agent`; `options` are further keys of it.

        Raises:
            ScriptGap: no rule covers the state of the conversation.
            KeyError: there are no rules for `agent`.
        """
        body: dict[str, Any] = {"model": "default", "messages": list(messages), **options}
        if tools:
            body["tools"] = list(tools)
        ordinal = self._ordinals[agent]
        self._ordinals[agent] += 1
        answered = await self._upstream.answer(ModelRequest(
            api="chat", agent=agent, agents=self._team, ordinal=ordinal,
            body=json.dumps(body).encode(), json=body,
        ))
        assert isinstance(answered, Reply), "a chat is answered by a reply"
        return answered
