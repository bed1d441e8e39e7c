"""One message of the chat format: its texts, its calls, and what is wrong with them."""

import json
from dataclasses import dataclass
from typing import Any

from agentdyno.core.errors import Problem
from agentdyno.scenarios.importing.located import Document, KeyPath
from agentdyno.scenarios.importing.talk import RecordedResult

_TEXT_PARTS = ("text", "input_text", "output_text")


@dataclass(eq=False, slots=True, kw_only=True)
class CallDraft:
    """A call that waits for its result."""

    path: KeyPath
    id: str
    tool: str
    arguments: dict[str, Any]
    result: RecordedResult | None = None


class MessageReader:
    """Reads the parts of messages; what is wrong goes to `problems`."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def _add(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._document.problem(path, message))

    def text(self, path: KeyPath, message: dict[str, Any]) -> str:
        """Return the text of a message: its parts as lines, or its refusal; "" when none."""
        found = "\n".join(self.texts(path, message))
        refusal = message.get("refusal")
        return found or (refusal if isinstance(refusal, str) else "")

    def texts(self, path: KeyPath, message: dict[str, Any]) -> tuple[str, ...]:
        """Return the text of each content part; a plain content is one part."""
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        inside = (*path, "content")
        found = []
        for at, part in enumerate(parts):
            where = (*inside, at) if isinstance(content, list) else inside
            text = self._part(where, part)
            if text is not None and self._is_text(where, text):
                found.append(text)
        return tuple(found)

    def _part(self, path: KeyPath, part: Any) -> str | None:
        if part is None or isinstance(part, str):
            return part
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in _TEXT_PARTS and isinstance(part.get("text"), str):
            return str(part["text"])
        if kind == "refusal" and isinstance(part.get("refusal"), str):
            return str(part["refusal"])
        what = f"a part of type {kind!r}" if kind else f"{type(part).__name__} content"
        self._add(path, f"{what} cannot be replayed: only text can; remove it or put text there")
        return None

    def _is_text(self, path: KeyPath, text: str) -> bool:
        try:
            text.encode()
        except UnicodeEncodeError:
            self._add(path, "the text holds half a surrogate pair, which is no text")
            return False
        return True

    def calls(self, path: KeyPath, message: dict[str, Any]) -> list[CallDraft]:
        """Return the calls that an assistant message makes, in either form of the API."""
        legacy = message.get("function_call")
        if legacy is not None:
            where = (*path, "function_call")
            call = self._function(where, legacy, f"function_call of {'.'.join(map(str, path))}")
            return [call] if call else []
        given = message.get("tool_calls")
        if given is None:
            return []
        inside = (*path, "tool_calls")
        if not isinstance(given, list):
            self._add(inside, "tool_calls is a list")
            return []
        calls = [self._call((*inside, at), call) for at, call in enumerate(given)]
        return [call for call in calls if call]

    def _call(self, path: KeyPath, call: Any) -> CallDraft | None:
        if not isinstance(call, dict):
            self._add(path, "a tool call is an object with id and function")
            return None
        if call.get("type", "function") != "function":
            self._add(path, f"a tool call of type {call['type']!r} cannot be replayed, only a "
                            "function can")
            return None
        ident = call.get("id")
        if not isinstance(ident, str) or not ident:
            self._add(path, "a tool call without an id")
            return None
        return self._function((*path, "function"), call.get("function"), ident)

    def _function(self, path: KeyPath, function: Any, ident: str) -> CallDraft | None:
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(name, str) or not name:
            self._add(path, "a tool call without the name of its function")
            return None
        arguments = self._arguments((*path, "arguments"), name, function.get("arguments"))
        if arguments is None or not self._is_text((*path, "name"), name):
            return None
        return CallDraft(path=path, id=ident, tool=name, arguments=arguments)

    def _arguments(self, path: KeyPath, name: str, given: Any) -> dict[str, Any] | None:
        value = given
        if isinstance(given, str):
            try:
                value = json.loads(given) if given.strip() else {}
            except (ValueError, RecursionError) as error:
                self._add(path, f"the arguments of {name} are not JSON ({error}): no framework "
                                "passes such a call on to a tool, so it cannot be replayed")
                return None
        value = {} if value is None else value
        if not isinstance(value, dict):
            self._add(path, f"the arguments of {name} are no object")
            return None
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            self._add(path, f"the arguments of {name} hold NaN, an infinity or half a surrogate "
                            "pair, which are no JSON")
            return None
        return value
