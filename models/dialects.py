"""How frameworks let an agent hand over, delegate, answer with data or approve.

None of these is a feature of the wire: each framework offers tools for it, or asks for a certain
text. The tables say which, matched on what the request really offers. `{agent}` stands for the
agent's name or role, compared without case and punctuation.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentdyno.core.spec import AgentSpec
from agentdyno.models.conversation import ToolOffer
from agentdyno.models.state import State

HANDOFF = ("transfer_to_{agent}", "handoff_to_{agent}", "hand_off_to_{agent}")
"""AutoGen Swarm, LangGraph supervisor and swarm, OpenAI Agents SDK."""
DELEGATE_SHARED = (
    "delegate_work_to_coworker", "delegate_work_to_co_worker", "delegate_to_agent", "delegate",
)
"""CrewAI: one tool for all colleagues, who are named in an argument."""
DELEGATE_OWN = (
    "{agent}", "ask_{agent}", "call_{agent}", "delegate_to_{agent}", "run_{agent}", *HANDOFF,
)
"""AutoGen AgentTool, OpenAI `as_tool`, Pydantic AI tools, Windmill nested agents."""
COLLEAGUE = ("coworker", "co_worker", "agent", "agent_name", "to", "recipient")
TASK = ("task", "task_description", "input", "user_message", "message", "request", "query",
        "prompt", "instructions", "description")
CONTEXT = ("context", "background")
OUTPUT_TOOLS = re.compile(r"^(final_result(_\w+)?|final_answer|structured_output|respond)$")
"""Pydantic AI's output tools and their like."""
APPROVED = ("approved", "approve", "is_approved", "approval", "accepted", "accept")
COMMENT = ("feedback", "comment", "comments", "reason", "critique", "explanation", "message")

SPEAKER = ("next_speaker", "speaker", "next_agent", "agent", "next", "role", "name", "choice",
           "response", "result", "value")
"""Properties of structured answers in which a selector names the next speaker."""

_SELECTOR = re.compile(
    r"only (?:return|answer|reply|respond)(?: with)? the (?:role|name|agent|speaker)"
    r"|select the next|speaks? next|next (?:speaker|agent|role)\b",
    re.IGNORECASE,
)
_WORDS = {True: r"\b(APPROVED?|ACCEPT(?:ED)?)\b", False: r"\b(REJECT(?:ED)?|REVISE)\b"}
_ASKS_JSON = re.compile(r"\bJSON\b")


def plain(name: str) -> str:
    """Return `name` as tools spell it: lower case, one underscore for whatever is no letter."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def agent_names(agent: str, team: Mapping[str, AgentSpec]) -> tuple[str, ...]:
    """Return the plain names that a framework may know `agent` by: its name and its role."""
    spec = team.get(agent)
    return (plain(agent), plain(spec.role)) if spec else (plain(agent),)


def agent_tool(
    patterns: tuple[str, ...], offers: tuple[ToolOffer, ...], names: tuple[str, ...]
) -> ToolOffer | None:
    """Return the offered tool that stands for an agent, None when there is none."""
    wanted = {pattern.format(agent=name) for pattern in patterns for name in names}
    return next((offer for offer in offers if plain(offer.name) in wanted), None)


def first_of(keys: tuple[str, ...], offer: ToolOffer) -> str | None:
    """Return the first of `keys` that is a parameter of the tool."""
    return next((key for key in keys if key in offer.properties), None)


def colleague(offer: ToolOffer, key: str, names: tuple[str, ...]) -> str | None:
    """Return how a shared delegation tool spells the agent: from an enum or its description."""
    schema = offer.properties[key]
    schema = schema if isinstance(schema, dict) else {}
    choices = schema.get("enum")
    if isinstance(choices, list):
        return next((str(choice) for choice in choices if plain(str(choice)) in names), None)
    text = f"{offer.description}\n{schema.get('description', '')}"
    for name in sorted(names, key=len, reverse=True):
        spelled = r"[^a-z0-9]+".join(re.escape(word) for word in name.split("_"))
        match = re.search(rf"(?<![a-z0-9]){spelled}(?![a-z0-9])", text, re.IGNORECASE)
        if match:
            return match.group()
    return None


def output_tool(state: State) -> ToolOffer | None:
    """Return the offered tool that takes the structured answer, None when there is none."""
    offers = state.conversation.tools
    named = [offer for offer in offers if offer.name == state.conversation.tool_choice]
    found = named or [offer for offer in offers if OUTPUT_TOOLS.match(offer.name)]
    return found[0] if found else None


def asks_for_json(state: State) -> bool:
    """Whether the answer must be JSON by `response_format`, or a prompt speaks of JSON."""
    conversation = state.conversation
    if conversation.output is not None:
        return True
    prompts = [m.text for m in conversation.messages if m.role in ("system", "user")]
    return any(_ASKS_JSON.search(text) for text in prompts)


def selects_speaker(state: State) -> bool:
    """Whether the request is a selector's: it wants an agent's bare name as text."""
    prompts = [m.text for m in state.conversation.messages if m.role in ("system", "user")]
    return not state.conversation.tools and any(_SELECTOR.search(text) for text in prompts)


def speaker_field(schema: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the property of `schema` that names the next speaker, and how it spells the agent.

    That is the property whose choices hold the agent, else the first that `SPEAKER` lists; an agent
    that is not among its choices is spelled by its name, since a selector may err.
    """
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return None
    for key in properties:
        for choice in _choices(schema, properties[key]):
            if plain(choice) in names:
                return key, choice
    key = next((key for key in SPEAKER if key in properties), None)
    return None if key is None else (key, names[0])


def _choices(schema: Mapping[str, Any], part: Any) -> Iterator[str]:
    """Yield the texts that a property may be: of an enum, a constant, or what it refers to."""
    if not isinstance(part, dict):
        return
    reference = part.get("$ref")
    if isinstance(reference, str):
        definitions = schema.get("$defs")
        name = reference.rpartition("/")[2]
        yield from _choices(schema, definitions.get(name) if definitions else None)
    yield from (choice for choice in part.get("enum", ()) if isinstance(choice, str))
    if isinstance(part.get("const"), str):
        yield part["const"]
    for other in part.get("anyOf", ()):
        yield from _choices(schema, other)


def verdict_fields(schema: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Return the properties of `schema` that take approval and comment, None without the first."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return None
    approved = next((key for key in APPROVED if key in properties), None)
    comment = next((key for key in COMMENT if key in properties), None)
    return None if approved is None else (approved, comment)


def verdict_word(state: State, approve: bool) -> str | None:
    """Return the word in capitals by which a prompt wants approval or rejection to be told."""
    for message in state.conversation.messages:
        if message.role in ("system", "user"):
            match = re.search(_WORDS[approve], message.text)
            if match:
                return match.group()
    return None
