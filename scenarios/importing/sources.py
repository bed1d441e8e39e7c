"""Files of recorded conversations: which form they have, and the conversations in them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agentdyno.core.canonical import canonical_json
from agentdyno.core.errors import InputError, Problem
from agentdyno.scenarios.importing.located import Document, KeyPath, read_documents
from agentdyno.scenarios.importing.otel import is_telemetry, talks_of_spans
from agentdyno.scenarios.importing.talk import RawTalk

FORMS = (
    "an object with messages, a list of messages, {\"request\": {\"messages\": ...}, \"response\": "
    "{\"choices\": ...}}, one of these a line, or OpenTelemetry spans with GenAI attributes"
)


def read_talks(path: Path) -> tuple[list[RawTalk], list[str]]:
    """Return the conversations of a file, and notes about what was left out.

    A logged request whose messages are the beginning of another one's is left out: the longer one
    holds it.

    Raises:
        InputError: the file cannot be read, or holds something that is no conversation.
    """
    documents = read_documents(path)
    telemetry = [document for document in documents if is_telemetry(document.data)]
    others = [document for document in documents if not is_telemetry(document.data)]
    talks, problems = list[RawTalk](), list[Problem]()
    for document in others:
        try:
            talks += _talks(document, len(documents) > 1)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    notes: list[str] = []
    if telemetry:
        found, notes = talks_of_spans(telemetry)
        talks += found
    kept = _longest(talks)
    if len(kept) < len(talks):
        notes.append(
            f"{len(talks) - len(kept)} of {len(talks)} requests in {path} are the beginning of "
            "another one, which holds them"
        )
    return kept, notes


def _talks(document: Document, several: bool) -> Iterator[RawTalk]:
    data = document.data
    name = Path(document.file).name
    source = f"{name}:{document.first_line}" if several else name
    if isinstance(data, list) and data and not any(_is_message(item) for item in data):
        for at, item in enumerate(data):
            yield _talk(document, (at,), item, f"{name}, conversation {at + 1}")
    else:
        yield _talk(document, (), data, source)


def _is_message(item: Any) -> bool:
    return isinstance(item, dict) and "role" in item


def _talk(document: Document, at: KeyPath, data: Any, source: str) -> RawTalk:
    """Return the one conversation that `data` is, in whichever form."""
    if isinstance(data, list):
        return RawTalk(document=document, source=source, messages=_numbered(at, data))
    if not isinstance(data, dict):
        raise _unknown(document, at, f"this is {type(data).__name__}")
    inside = (*at, "request") if isinstance(data.get("request"), dict) else at
    request: Mapping[str, Any] = data["request"] if inside != at else data
    messages = request.get("messages")
    if not isinstance(messages, list):
        raise _unknown(document, at, f"keys here: {', '.join(map(str, data)) or 'none'}")
    reply = _reply(data, at)
    tools = [
        pair for key in ("tools", "functions") if isinstance(request.get(key), list)
        for pair in _numbered((*inside, key), request[key])
    ]
    return RawTalk(
        document=document, source=source, tools=tuple(tools),
        is_request=inside != at or bool(reply),
        messages=(*_numbered((*inside, "messages"), messages), *reply),
    )


def _numbered(path: KeyPath, items: Sequence[Any]) -> tuple[tuple[KeyPath, Any], ...]:
    return tuple(((*path, at), item) for at, item in enumerate(items))


def _reply(data: Mapping[str, Any], at: KeyPath) -> tuple[tuple[KeyPath, Any], ...]:
    """Return the message of the response that a log keeps beside its request."""
    response = data.get("response")
    path = (*at, "response") if isinstance(response, dict) else at
    body: Any = response if isinstance(response, dict) else data
    if isinstance(body.get("body"), dict):
        path, body = (*path, "body"), body["body"]
    choices = body.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return (((*path, "choices", 0, "message"), choices[0].get("message")),)
    message = body.get("message")
    return (((*path, "message"), message),) if _is_message(message) else ()


def _unknown(document: Document, at: KeyPath, what: str) -> InputError:
    message = f"no conversation: {what}. A conversation is {FORMS}"
    return InputError([document.problem(at, message)])


def _longest(talks: Sequence[RawTalk]) -> list[RawTalk]:
    """Return `talks` without logged requests that another one begins with."""
    told = [_told(talk) if talk.is_request else () for talk in talks]
    longest_of: dict[tuple[str, ...], int] = {}
    for number, lines in enumerate(told):
        for end in range(1, len(lines) + 1):
            best = longest_of.setdefault(lines[:end], number)
            if len(told[best]) < len(lines):
                longest_of[lines[:end]] = number
    return [
        talk for number, (talk, lines) in enumerate(zip(talks, told, strict=True))
        if not lines or longest_of[lines] == number
    ]


def _told(talk: RawTalk) -> tuple[str, ...]:
    """Return what each message says, without what differs between an answer and its echo."""
    return tuple(_essence(message) for _, message in talk.messages)


def _essence(message: Any) -> str:
    if not isinstance(message, dict):
        return repr(message)
    calls = [
        call.get("function") if isinstance(call, dict) else call
        for call in message.get("tool_calls") or ()
    ]
    try:
        return canonical_json([message.get("role"), message.get("content") or "", calls])
    except (TypeError, ValueError):
        return repr(message)
