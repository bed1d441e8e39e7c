"""What a scenario says of models must fit together: aliases exist, fallbacks come to an end."""

import re
from typing import Any

from agentdyno.core.errors import Problem
from agentdyno.core.model import MODEL_NAME
from agentdyno.core.yamlfile import KeyPath, YamlDocument
from agentdyno.core.yamlproblem import nearest

DEFAULT_ALIAS = "default"
"""Model of agents that name none: `--llm`, unless `models` has it."""

_NAME = re.compile(MODEL_NAME)


def model_reference_problems(document: YamlDocument) -> list[Problem]:
    """Return every dangling or circular reference to a model in a scenario file."""
    data = document.data if isinstance(document.data, dict) else {}
    models = _mapping(data.get("models"))
    found: list[tuple[KeyPath, str]] = []
    for alias, entry in models.items():
        if isinstance(entry, dict):
            found += _entry(alias, entry, models)
    for path, name in _users(data):
        if models and name != DEFAULT_ALIAS and not _NAME.match(name) and name not in models:
            found.append((path, _unknown(name, models)))
    return [document.problem(path, message) for path, message in found]


def _users(data: dict[str, Any]) -> list[tuple[KeyPath, str]]:
    """Return where the file names the model of an agent or of the simulated user."""
    places: list[tuple[KeyPath, Any]] = [
        (("agents", name, "model"), _mapping(agent).get("model"))
        for name, agent in _mapping(data.get("agents")).items()
    ]
    simulated = _mapping(_mapping(data.get("user")).get("simulate"))
    places.append((("user", "simulate", "model"), simulated.get("model")))
    return [(path, name) for path, name in places if isinstance(name, str)]


def _entry(
    alias: str, entry: dict[str, Any], models: dict[str, Any]
) -> list[tuple[KeyPath, str]]:
    model, path = entry.get("model"), ("models", alias)
    if isinstance(model, str) and "@http" in model and entry.get("base_url") is not None:
        return [((*path, "base_url"), "the model's name already says where it is; remove one")]
    seen = [alias]
    following = entry.get("fallback")
    while isinstance(following, str) and not _NAME.match(following):
        if following not in models:
            # Told at the entry that names it.
            message = _unknown(following, models)
            return [((*path, "fallback"), message)] if seen == [alias] else []
        if following in seen:
            return [((*path, "fallback"), " -> ".join((*seen, following)) + " has no end")]
        seen.append(following)
        following = _mapping(models[following]).get("fallback")
    return []


def _unknown(name: str, models: dict[str, Any]) -> str:
    there = ", ".join(sorted(models))
    return (
        f"there is no model {name!r}{nearest(name, models)}; `models` has: {there}; "
        "or write provider:name"
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
