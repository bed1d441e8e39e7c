"""The state of a conversation as a script sees it: nothing but what stands in the request."""

import hashlib
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import orjson
from jinja2 import StrictUndefined

from agentdyno.models.conversation import ChatMessage, Conversation, ToolUse
from agentdyno.models.names import Helpers
from agentdyno.models.template import context_of
from agentdyno.models.toolresult import ToolResult

_SEPARATORS = ("__", ".", "_")
_NUDGES = re.compile(
    r"""^\s*(?:
        Validation \s feedback: | \d+ \s validation \s errors?\b
      | Analyze \s the \s tool \s result | Now \s it's \s time \s you \s MUST
      | \#\#\# \s Previous \s attempt \s failed \s validation
      | Sorry, \s I \s didn't \s use \s the \s right \s format
      | The \s others \s said: | That \s names \s no(?:ne|\s one)\b
    )""",
    re.VERBOSE,
)


class Missing(StrictUndefined):
    """Something that is not visible: false in a condition, an error in a text."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeCall:
    """One call that the conversation shows, with its result when that is visible."""

    tool: str
    arguments: dict[str, Any]
    own: bool
    """Whether this agent made it, as far as the call's identifier tells."""
    now: bool
    """Whether it was made since the last user turn."""
    result: ToolResult | None


def call_id(agent: str, ordinal: int, index: int) -> str:
    """Return the identifier of a call; it tells which agent made it, and repeats exactly."""
    return f"{_mark(agent)}{ordinal}_{index}"


@lru_cache(maxsize=1024)
def _mark(agent: str) -> str:
    return f"call_{hashlib.blake2b(agent.encode(), digest_size=4).hexdigest()}_"


_OURS = re.compile(r"^call_[0-9a-f]{8}_\d+_\d+$")


def resolve(name: str, known: Sequence[str]) -> str | None:
    """Return the tool of `known` that `name` means, or None.

    A framework may put something before a name (`server__tool`) or spell it its own way
    (`getUser` as `get_user`); an exact name wins, then a single one that ends in it, then a single
    one with the same letters and digits.

    Raises:
        LookupError: several tools end in `name`.
    """
    if name in known:
        return name
    flat = name.replace(".", "__")
    found = [
        tool for tool in known
        if tool == flat or any(tool.endswith(mark + name) for mark in _SEPARATORS)
    ]
    found = found or [tool for tool in known if _letters(tool) == _letters(name)]
    if len(found) > 1:
        raise LookupError(f"{name!r} may mean any of {', '.join(found)}; write it in full")
    return found[0] if found else None


@lru_cache(maxsize=4096)
def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


class State(Helpers):
    """One conversation, and the questions that a script may ask about it."""

    def __init__(
        self, conversation: Conversation, *, agent: str, variables: Mapping[str, Any],
        draw: Callable[[str], random.Random],
    ) -> None:
        """
        Args:
            conversation: the request.
            agent: who is to answer.
            variables: the scenario's variables, `vars` in a script.
            draw: gives the seeded generator for a state (text that identifies it).
        """
        self.conversation = conversation
        self._agent = agent
        self._draw = draw
        self.users, self._turn_start = _user_turns(conversation.messages)
        self._wire_names: dict[str, str | None] = {}
        self._blocks: dict[str, Any] = {}
        self.names = context_of({
            "block": self.block, "called": self.called, "called_now": self.called_now,
            "calls_now": self.calls_now, "chance": self.chance, "count": self.count,
            "error": self.error,
            "failed": self.failed, "find": self.find, "has_tool": self.has_tool,
            "result": self.result, "results": self.results, "turn": self.turn,
            "user": self.user, "users": self.users, "vars": variables,
        })

    @cached_property
    def calls(self) -> tuple[MadeCall, ...]:
        """Every call in the conversation, oldest first."""
        messages = self.conversation.messages
        results = {m.call_id: m for m in messages if m.role == "tool"}
        return tuple(
            self._made(use, message, results.get(use.id), now=at >= self._turn_start)
            for at, message in enumerate(messages) if message.calls for use in message.calls
        )

    @property
    def user(self) -> str:
        """What the user said last; "" when nothing."""
        return self.users[-1] if self.users else ""

    @property
    def turn(self) -> int:
        """Number of the current user turn, from 1, as in checks."""
        return max(1, len(self.users))

    def called(self, tool: str, /, **arguments: Any) -> bool:
        """Whether this agent called `tool` (with at least these arguments)."""
        return bool(self._own(tool, arguments))

    def called_now(self, tool: str, /, **arguments: Any) -> bool:
        """Like `called`, since the last user turn."""
        return any(call.now for call in self._own(tool, arguments))

    def calls_now(self) -> int:
        """How many tool calls, of whichever tool, this agent made since the last user turn."""
        return sum(call.own and call.now for call in self.calls)

    def count(self, tool: str, /, **arguments: Any) -> int:
        """How often this agent called `tool`."""
        return len(self._own(tool, arguments))

    def results(self, tool: str, /, **arguments: Any) -> list[Any]:
        """Values that `tool` returned, oldest first, without errors; whoever called it."""
        found = self._find(tool, arguments)
        return [call.result.value for call in found if call.result and not call.result.failed]

    def result(self, tool: str, index: int = -1, /, **arguments: Any) -> Any:
        """One of `results`; missing when there is none."""
        values = self.results(tool, **arguments)
        if -len(values) <= index < len(values):
            return values[index]
        return Missing(f"the conversation shows no result {index} of {tool}")

    def failed(self, tool: str, /, **arguments: Any) -> bool:
        """Whether the last result of this agent's calls of `tool` is an error."""
        ended = [call.result for call in self._own(tool, arguments) if call.result]
        return bool(ended) and ended[-1].failed

    def error(self, tool: str, /, **arguments: Any) -> Any:
        """Text of the last error that `tool` returned to this agent; missing when none."""
        errors = [c.result.text for c in self._own(tool, arguments) if c.result and c.result.failed]
        return errors[-1] if errors else Missing(f"the conversation shows no error of {tool}")

    def find(self, pattern: str, /) -> Any:
        """First group (or all) of the first match, newest message first; missing when none."""
        for message in reversed(self.conversation.messages):
            match = re.search(pattern, message.text)
            if match:
                return match.group(1) if match.re.groups else match.group()
        return Missing(f"no visible message matches {pattern!r}")

    def block(self, name: str, /) -> Any:
        """Content of the newest block that opens with ```json NAME, outside system prompts."""
        if name not in self._blocks:
            self._blocks[name] = self._read_block(name)
        return self._blocks[name]

    def _read_block(self, name: str) -> Any:
        fence = re.compile(rf"```json[ \t]+{re.escape(name)}[ \t]*\r?\n(.*?)\n[ \t]*```", re.DOTALL)
        for message in reversed(self.conversation.messages):
            # Some frameworks show a whole group chat as one message: its last block is the newest.
            found = [] if message.role == "system" else fence.findall(message.text)
            if found:
                return orjson.loads(found[-1])
        return Missing(f"no visible message holds a block ```json {name}")

    def has_tool(self, tool: str, /) -> bool:
        """Whether the model may call `tool` now."""
        return self.offered(tool) is not None

    def offered(self, tool: str) -> str | None:
        """Return the wire name of an offered tool, None when it is not or may not be called."""
        if self.conversation.tool_choice == "none":
            return None
        return resolve(tool, [offer.name for offer in self.conversation.tools])

    def chance(self, probability: float, /) -> bool:
        """Whether a seeded draw falls below `probability`; the same for equal states."""
        return self._generator.random() < probability

    @cached_property
    def _generator(self) -> random.Random:
        results = sum(call.result is not None for call in self.calls)
        return self._draw(f"{self.turn}/{len(self.calls)}/{results}")

    def _find(self, tool: str, arguments: Mapping[str, Any]) -> list[MadeCall]:
        if tool not in self._wire_names:
            known = [offer.name for offer in self.conversation.tools]
            known += [call.tool for call in self.calls]
            self._wire_names[tool] = resolve(tool, list(dict.fromkeys(known)))
        wire = self._wire_names[tool]
        return [
            call for call in self.calls
            if call.tool == wire and (not arguments or _fits(call.arguments, arguments))
        ]

    def _own(self, tool: str, arguments: Mapping[str, Any]) -> list[MadeCall]:
        return [call for call in self._find(tool, arguments) if call.own]

    def _made(
        self, use: ToolUse, asked: ChatMessage, answer: ChatMessage | None, *, now: bool
    ) -> MadeCall:
        # Frameworks make calls up, such as that by which a worker's work comes back.
        foreign = _OURS.match(use.id) or asked.name not in (None, self._agent)
        return MadeCall(
            tool=use.name, arguments=use.parsed, now=now,
            own=use.id.startswith(_mark(self._agent)) or not foreign,
            result=answer.result if answer else None,
        )


def _fits(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in given and given[key] == value for key, value in wanted.items())


def _user_turns(messages: Sequence[ChatMessage]) -> tuple[tuple[str, ...], int]:
    """Return what the user said, turn by turn, and the index of the message that began the last.

    Not the user's: what follows a tool result or repeats as a framework's retry prompt, and what
    carries another agent's name.
    """
    turns: list[str] = []
    start, before = 0, "system"
    for at, message in enumerate(messages):
        if message.role != "user":
            before = message.role
            continue
        if message.name is not None and message.name.lower() != "user":
            # What the user says after a colleague spoke is a new turn, not more of the old one.
            before = "assistant" if turns else before
            continue
        if before == "tool" or _NUDGES.match(message.text):
            continue
        if before == "user" and turns:
            turns[-1] = f"{turns[-1]}\n\n{message.text}"
        else:
            turns.append(message.text)
            start = at
        before = "user"
    return tuple(turns), start
