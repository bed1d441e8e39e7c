"""YAML files of users: plain data that knows its line numbers, and every problem of a file at once.

Scalars follow the core schema of YAML 1.2, not the 1.1 rules that PyYAML starts from: `no`, `on`
and `2004-01-01` are text, `017` is seventeen, `0o17` is fifteen. `.inf` and `.nan` stay text and
`<<` is an ordinary key. The keys of a mapping are always text, as written.

Not importable in workers: it needs PyYAML.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from agentdyno.core.canonical import canonical_json
from agentdyno.core.errors import InputError, Problem
from agentdyno.core.yamlproblem import problem_text

KeyPath = tuple[str | int, ...]
"""Keys and indexes from the root of a document to one value."""

ModelT = TypeVar("ModelT", bound=BaseModel)

_TAG = "tag:yaml.org,2002:"
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _CoreLoader(_BASE):  # type: ignore[misc]
    """PyYAML's parser with the implicit types of the YAML 1.2 core schema."""

    yaml_implicit_resolvers: dict[str | None, list[Any]] = {}  # noqa: RUF012


for _name, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _CoreLoader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(frozen=True, kw_only=True)
class YamlDocument:
    """One parsed file."""

    file: str
    """Name of the file as the user would type it."""
    data: Any
    """Plain data: dict, list, str, int, float, bool, None."""
    root: yaml.Node
    """What `data` was made of, with positions."""

    def line(self, path: KeyPath) -> int:
        """Return the line, from 1, of the value at `path`, or of its nearest ancestor in the file.

        For an entry of a mapping it is the line of the key.
        """
        node, line = self.root, self.root.start_mark.line
        for part in path:
            if isinstance(node, yaml.MappingNode):
                pair = next((p for p in node.value if p[0].value == part), None)
                if pair is None:
                    break
                line, node = pair[0].start_mark.line, pair[1]
            elif (
                isinstance(node, yaml.SequenceNode)
                and isinstance(part, int)
                and part < len(node.value)
            ):
                node = node.value[part]
                line = node.start_mark.line
            else:
                break
        return int(line) + 1

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Return a `Problem` at `path`."""
        key = ".".join(str(part) for part in path)
        return Problem(file=self.file, line=self.line(path), key=key, message=message)


def load_yaml(path: Path, shown_as: str | None = None) -> YamlDocument:
    """Parse one YAML file that holds one document.

    Args:
        path: the file.
        shown_as: name of the file in messages; `str(path)` when absent.

    Raises:
        InputError: the file cannot be read or is not one well-formed YAML document.
    """
    file = shown_as or str(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(file, 1, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _unreadable(file, line, "is not UTF-8; save it in that encoding") from error
    return parse_yaml(text, file)


def parse_yaml(text: str, file: str) -> YamlDocument:
    """Parse `text` as the content of `file`; raises like `load_yaml`."""
    try:
        root = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(text, file, error) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _unreadable(file, line, f"a character that YAML forbids: {error.reason}") from error
    if root is None:
        raise _unreadable(file, 1, "the file is empty")
    builder = _Builder(file)
    try:
        data = builder.build(root, ())
    except RecursionError as error:
        raise _unreadable(file, 1, "the values are nested too deeply") from error
    if builder.problems:
        raise InputError(builder.problems)
    return YamlDocument(file=file, data=data, root=root)


def validate_model(
    document: YamlDocument, model: type[ModelT], *, extra_problems: Sequence[Problem] = ()
) -> ModelT:
    """Return `document` as a `model`, checked strictly (the text "5" is no number).

    Args:
        document: the parsed file.
        model: what the file as a whole should be.
        extra_problems: what else is wrong with the file, reported together with the rest.

    Raises:
        InputError: with every problem of the file.
    """
    problems = list(extra_problems)
    try:
        value = model.model_validate_json(canonical_json(document.data), strict=True)
    except ValidationError as error:
        problems += model_problems(document, model, error)
        raise InputError(list(dict.fromkeys(problems))) from None
    if problems:
        raise InputError(problems)
    return value


def model_problems(
    document: YamlDocument, model: type[BaseModel], error: ValidationError, at: KeyPath = ()
) -> list[Problem]:
    """Translate each item of a `ValidationError` about the part of `document` at `at`."""
    data = document.data
    for part in at:
        data = data[part]
    schema = model.model_json_schema()
    found = [problem_text(schema, data, item) for item in error.errors(include_url=False)]
    return [document.problem((*at, *path), message) for path, message in found]


class _Builder:
    """Makes plain data of nodes and collects what plain data cannot hold."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._built: dict[int, Any] = {}
        self._open: set[int] = set()

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        """Return the value of `node`; an anchor's value is made once and shared."""
        if id(node) in self._open:
            self._refuse(node, path, "an alias refers to the value that it is part of")
            return None
        if id(node) not in self._built:
            self._open.add(id(node))
            self._built[id(node)] = self._value(node, path)
            self._open.discard(id(node))
        return self._built[id(node)]

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        if isinstance(node, yaml.MappingNode) and node.tag == _TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == _TAG + "seq":
            return [self.build(item, (*path, at)) for at, item in enumerate(node.value)]
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode) and kind in ("str", "null", "bool", "int", "float"):
            return self._scalar(node, kind, path)
        self._refuse(node, path, f"the tag {node.tag} is not supported; write a plain value")
        return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._refuse(key, path, "a key must be text, not a list or a mapping")
                continue
            name = key.value
            if not _encodable(name):
                self._refuse(key, path, "a key holds half a surrogate pair, which is no text")
                continue
            if name in values:
                message = f"this key is there already, on line {lines[name]}; remove one of them"
                self._refuse(key, (*path, name), message)
                continue
            lines[name] = key.start_mark.line + 1
            values[name] = self.build(value, (*path, name))
        return values

    def _scalar(self, node: yaml.ScalarNode, kind: str, path: KeyPath) -> Any:
        text: str = node.value
        try:
            if kind == "int":
                return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
            if kind == "float" and math.isfinite(float(text)):
                return float(text)
        except ValueError:
            pass
        if kind in ("int", "float"):
            self._refuse(node, path, f"{text[:40]!r} is no {kind}, or too large for one")
        if kind == "str" and not _encodable(text):
            self._refuse(node, path, "the text holds half a surrogate pair, which is no text")
        if kind == "bool":
            return text.lower() == "true"
        return text if kind == "str" else None

    def _refuse(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        key = ".".join(str(part) for part in path)
        line = node.start_mark.line + 1
        self.problems.append(Problem(file=self.file, line=line, key=key, message=message))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _syntax_error(text: str, file: str, error: yaml.MarkedYAMLError) -> InputError:
    mark = error.problem_mark or error.context_mark
    number = mark.line if mark is not None else 0
    lines = text.splitlines()
    line = lines[number] if number < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return _unreadable(file, number + 1, "a tab indents this line; YAML allows only spaces")
    where = f" ({error.context})" if error.context else ""
    return _unreadable(file, number + 1, f"not YAML: {error.problem}{where}")


def _unreadable(file: str, line: int, message: str) -> InputError:
    return InputError([Problem(file=file, line=line, key="", message=message)])
