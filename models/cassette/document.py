"""A cassette as YAML: one document for its head, one per model call, one for the tools.

Requests, bodies and results stand in it as text, so that the exact bytes survive and nobody has to
wonder what a scalar means.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, TypeVar

import yaml

from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.noun import Noun
from agentdyno.core.recording import ToolRecording
from agentdyno.core.yamlfile import YamlDocument, parse_yaml, validate_model
from agentdyno.models.cassette.recordings import FORMAT, Head, ModelRecording

NounT = TypeVar("NounT", bound=Noun)

_SEAL = re.compile(r"^seal:[^\n]*\n", re.MULTILINE)
_SEPARATOR = re.compile(r"^---(?: #[^\n]*)?\n", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_AWKWARD = r"\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff"
_LINE = re.compile(rf"[^\x00-\x1f{_AWKWARD}]*")
_BLOCK = re.compile(rf"[^\x00-\x09\x0b-\x1f{_AWKWARD}]*")

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """PyYAML's emitter, with texts in the style that reads best and keeps every character."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write everything out, since anchors would change from one recording to the next."""
        return True


def _text_node(dumper: Any, text: str) -> Any:
    style: str | None = '"'
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        style = None
    elif "\n" in text and text.strip("\n ") and text[0] not in " \n" and _BLOCK.fullmatch(text):
        style = "|"
    elif _LINE.fullmatch(text):
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text_node)


def dumped(head: Head, calls: tuple[ModelRecording, ...], tools: ToolRecording | None) -> str:
    """Return the sealed text of a cassette."""
    parts = [_yaml(head.model_copy(update={"seal": "-"}))]
    parts += [f"--- # {call.label}\n{_yaml(call)}" for call in calls]
    if tools is not None:
        parts.append(f"--- # tools\n{_yaml(tools)}")
    return sealed("".join(parts))


def sealed(text: str) -> str:
    """Return `text` with the seal that fits it."""
    return _SEAL.sub(f"seal: {seal_of(text)}\n", text, count=1)


def seal_of(text: str) -> str:
    """Return the seal of a cassette: a hash of everything but the seal's own line."""
    rest = _SEAL.sub("", text.replace("\r\n", "\n"), count=1)
    return hashlib.sha256(rest.encode()).hexdigest()


def head_of(text: str, file: str) -> Head:
    """Read the head alone.

    Raises:
        InputError: it is not well-formed.
        UsageError: it is of another version.
    """
    first = _SEPARATOR.split(text, maxsplit=1)[0]
    document = parse_yaml(first, file)
    _check_version(document)
    return validate_model(document, Head)


def parsed(
    text: str, file: str, *, accept: bool = False
) -> tuple[Head, tuple[ModelRecording, ...], ToolRecording | None]:
    """Read a whole cassette.

    Args:
        text: the file's content.
        file: its name as the user would type it.
        accept: whether a seal that does not fit is overlooked.

    Raises:
        InputError: it is not well-formed, with file and line.
        UsageError: it is of another version, or was edited by hand.
    """
    text = text.replace("\r\n", "\n")
    head = head_of(text, file)
    calls: list[ModelRecording] = []
    tools: ToolRecording | None = None
    problems: list[Problem] = []
    for match in _SEPARATOR.finditer(text):
        end = _SEPARATOR.search(text, match.end())
        above = "\n" * text.count("\n", 0, match.end())
        part = above + text[match.end(): end.start() if end else len(text)]
        try:
            document = parse_yaml(part, file)
            if isinstance(document.data, Mapping) and "request" in document.data:
                calls.append(validate_model(document, ModelRecording))
            else:
                tools = validate_model(document, ToolRecording)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems, "restore the file, or record it again with --model record")
    if not accept and head.seal != seal_of(text):
        raise UsageError(
            f"{file} was edited after it was recorded: its content does not fit its seal.",
            f"restore the file; or, to replay it as it is: agentdyno cassette verify --accept "
            f"{file}",
        )
    return head, tuple(calls), tools


def _check_version(document: YamlDocument) -> None:
    data = document.data
    if not isinstance(data, Mapping) or "cassette" not in data:
        raise InputError(
            [document.problem((), "this is no cassette: its first key is not `cassette`")],
            "agentdyno cassette list",
        )
    if data["cassette"] != FORMAT:
        raise UsageError(
            f"{document.file} is a cassette of format {data['cassette']!r}; this agentdyno reads "
            f"format {FORMAT}.",
            "record it again, with --model record, or use the agentdyno that wrote it "
            f"({data.get('harness', 'unknown version')})",
        )


def _yaml(noun: Noun) -> str:
    data = noun.model_dump(mode="json", exclude_defaults=True)
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**31 - 1,
    )
    return text
