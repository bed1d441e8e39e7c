"""JSON text that knows its line numbers, looked up only when there is something to say of one."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import WHITESPACE  # type: ignore[attr-defined]
from pathlib import Path
from typing import Any

from agentdyno.core.errors import InputError, Problem

KeyPath = tuple[str | int, ...]
"""Keys and indexes from the root of a document to one value."""

_LINES = (".jsonl", ".ndjson")


class _NotJson(ValueError):
    """A number that JSON has no form for."""


def _refuse_constant(name: str) -> Any:
    raise _NotJson(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One JSON value of a file."""

    file: str
    """Path of the file as the user would type it."""
    first_line: int
    """Line, from 1, on which `text` begins."""
    text: str
    data: Any

    def line(self, path: KeyPath) -> int:
        """Return the line, from 1, of the value at `path`, or of its nearest ancestor."""
        return self.first_line + self.text.count("\n", 0, _offset(self.text, path))

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a `Problem` at `path`."""
        key = ".".join(str(part) for part in path)
        return Problem(file=self.file, line=self.line(path), key=key, message=message)


def read_documents(path: Path) -> list[Document]:
    """Read a file of one JSON value, of one for each line, or of several one after the other.

    Raises:
        InputError: it cannot be read, is empty, or something in it is not JSON; a file of lines is
            read to its end, and each bad line is told.
    """
    file = str(path)
    text = _text(path, file)
    start = _skip(text, 0)
    if start == len(text):
        raise _fault(file, 1, "the file is empty")
    first = text[start:].partition("\n")[0]
    by_line = path.suffix.lower() in _LINES or _parses(first)
    return list(_of_lines(text, file) if by_line else _of_values(text, file))


def _text(path: Path, file: str) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _fault(file, 1, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _fault(file, line, "is not UTF-8; save it in that encoding") from error


def _parses(text: str) -> bool:
    try:
        return isinstance(_DECODER.decode(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _of_lines(text: str, file: str) -> Iterator[Document]:
    problems: list[Problem] = []
    # Not splitlines: a JSON text may hold U+2028 and its like.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            data = _decoded(line, file, number)[0]
        except InputError as error:
            problems += error.problems
        else:
            if not problems:
                yield Document(file=file, first_line=number, text=line, data=data)
    if problems:
        raise InputError(problems)


def _of_values(text: str, file: str) -> Iterator[Document]:
    at = _skip(text, 0)
    while at < len(text):
        line = text.count("\n", 0, at) + 1
        data, length = _decoded(text[at:] if at else text, file, line, whole=False)
        yield Document(file=file, first_line=line, text=text[at : at + length], data=data)
        at = _skip(text, at + length)


def _decoded(text: str, file: str, line: int, *, whole: bool = True) -> tuple[Any, int]:
    """Return the value that `text` begins with, and how long it is."""
    try:
        if whole:
            return _DECODER.decode(text), len(text)
        return _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} (column {error.colno})"
        raise _fault(file, line + error.lineno - 1, message) from error
    except _NotJson as error:
        raise _fault(file, line, f"not JSON: {error}") from error
    except RecursionError as error:
        raise _fault(file, line, "the values are nested too deeply") from error


def _fault(file: str, line: int, message: str) -> InputError:
    return InputError([Problem(file=file, line=line, key="", message=message)])


def _skip(text: str, at: int) -> int:
    """Return the index of the first character from `at` on that is no white space."""
    match = WHITESPACE.match(text, at)
    return int(match.end()) if match else at


def _offset(text: str, path: KeyPath) -> int:
    """Return where the value at `path` begins, or its nearest ancestor in the text."""
    at = _skip(text, 0)
    for part in path:
        found = _member(text, at, part)
        if found is None:
            break
        at = found
    return at


def _member(text: str, at: int, part: str | int) -> int | None:
    """Return where a member of the object or array at `at` begins."""
    opening = text[at]
    if opening not in "{[" or isinstance(part, int) != (opening == "["):
        return None
    at, number = _skip(text, at + 1), 0
    while text[at] not in "}]":
        key: Any = number
        if opening == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        if key == part:
            return at
        at = _skip(text, _DECODER.raw_decode(text, at)[1])
        if text[at] == ",":
            at = _skip(text, at + 1)
        number += 1
    return None
