"""YAML that people can read and edit, and that gives back exactly what was put in."""

import json
import re
from typing import Any

import yaml

from agentdyno.core.canonical import canonical_json
from agentdyno.core.errors import HarnessFault
from agentdyno.core.yamlfile import parse_yaml

_BASE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PLAIN = re.compile(r"[A-Za-z_$][A-Za-z0-9_ ./${}()=*-]*(?<! )")
_WORDS = ("null", "true", "false")
_LONG = 90
"""Characters from which a text stands in a block of its own."""


class Lines(list[Any]):
    """A list that has a line for each item, however short."""


class Keys(dict[str, Any]):
    """A map that has a line for each key, however short."""


class _Dumper(_BASE):  # type: ignore[misc]
    """Long texts as blocks, no aliases, short maps and lists on one line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> yaml.Node:
    if "\n" in text or len(text) > _LONG:
        style: str | None = "|"
    elif _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        style = None
    else:
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # type: ignore[no-any-return]


def _mapping(dumper: Any, value: dict[str, Any]) -> yaml.Node:
    node = dumper.represent_mapping("tag:yaml.org,2002:map", value.items())
    node.flow_style = not isinstance(value, Keys) and _is_short(value)
    return node  # type: ignore[no-any-return]


def _list(dumper: Any, value: Any) -> yaml.Node:
    node = dumper.represent_sequence("tag:yaml.org,2002:seq", value)
    node.flow_style = not isinstance(value, Lines) and _is_short(value)
    return node  # type: ignore[no-any-return]


def _is_short(value: Any) -> bool:
    """Whether a map or list fits on one line beside its key."""
    text = repr(value)
    return len(text) <= _LONG and "\\n" not in text and text.count("{") + text.count("[") <= 3


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(Keys, _mapping)
_Dumper.add_representer(Lines, _list)


def yaml_text(value: Any) -> str:
    """Return `value` (JSON types only) as YAML that `core.yamlfile` reads back unchanged.

    Raises:
        HarnessFault: it would not be read back unchanged.
    """
    plain: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 2**20}
    text: str = yaml.dump(value, Dumper=_Dumper, **plain)
    wanted = canonical_json(value)
    if canonical_json(parse_yaml(text, "yaml").data) == wanted:
        return text
    # Every text in double quotes has no corner where a block's rules may bite.
    plain |= {"default_style": '"', "default_flow_style": False}
    text = yaml.dump(json.loads(wanted), Dumper=_BASE, **plain)
    if canonical_json(parse_yaml(text, "yaml").data) != wanted:
        raise HarnessFault("a recorded text cannot be written as YAML", "report it, with the file")
    return text
