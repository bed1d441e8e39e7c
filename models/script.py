"""Loading a script: every problem of the file at once, then every template compiled once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import InputError, Problem
from agentdyno.core.yamlfile import KeyPath, YamlDocument, load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.models.scriptfile import CallSpec, LatencySpec, Rule, ScriptFile
from agentdyno.models.template import (
    Compiled,
    compile_expression,
    compile_text,
    compile_value,
    template_problems,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """A rule whose expressions and templates are ready to run; null where the rule has none."""

    number: int
    """Position among the agent's rules of its file, from 1."""
    file: str
    """File that it stands in, as the user would type it."""
    rule: Rule
    when: Compiled | None
    say: Compiled | None
    calls: tuple[tuple[CallSpec, Compiled], ...]
    data: Compiled | None
    task: Compiled
    context: Compiled
    approve: Compiled | None
    error: Compiled | None


@dataclass(frozen=True, kw_only=True)
class Script:
    """A scripted model, ready to run."""

    file: str
    """The file's path as the user would type it."""
    digest: str
    """Content hash of the file's meaning and of the variables."""
    rules: Mapping[str, tuple[CompiledRule, ...]]
    """Rules by agent."""
    variables: Mapping[str, Any]
    latency: LatencySpec | None


def load_script(
    path: Path, agents: Sequence[str], variables: Mapping[str, Any], shown_as: str | None = None
) -> Script:
    """Read a script file.

    Args:
        path: the YAML file.
        agents: names of the team; each needs rules, and no other may have any.
        variables: what templates read as `vars` (JSON types).
        shown_as: name of the file in messages; `str(path)` when absent.

    Raises:
        InputError: with every problem of the file.
    """
    document = load_yaml(path, shown_as)
    return compile_script(document, agents, variables, _extended(document, path))


def compile_script(
    document: YamlDocument, agents: Sequence[str], variables: Mapping[str, Any],
    base: YamlDocument | None = None,
) -> Script:
    """Make a script of what a file holds; `base` is the script that it extends.

    Raises:
        InputError: with every problem of the file.
    """
    inherited = _agents_of(base) if base else {}
    parsed = validate_model(document, ScriptFile, extra_problems=[
        *_agent_problems(document, agents, inherited), *_template_problems(document, variables)
    ])
    files = [(document, parsed)]
    if base is not None:
        files.append((base, validate_model(base, ScriptFile, extra_problems=[
            *_agent_problems(base, agents, agents), *_template_problems(base, variables)
        ])))
    meaning = {
        "script": parsed.model_dump(mode="json", exclude_none=True), "variables": dict(variables),
    }
    if base is not None:
        meaning["below"] = files[1][1].model_dump(mode="json", exclude_none=True)
    return Script(
        file=document.file, digest=content_hash(meaning), variables=variables,
        latency=next((p.latency for _, p in files if p.latency), None),
        rules={
            agent: tuple(
                _compile(at, rule, document.file, verbatim=part.verbatim)
                for document, part in files
                for at, rule in enumerate(part.agents.get(agent, ()), start=1)
            )
            for agent in agents
        },
    )


def _extended(document: YamlDocument, path: Path) -> YamlDocument | None:
    """Return the script that a script extends, if any; raises `InputError` when it cannot."""
    other = document.data.get("extends") if isinstance(document.data, dict) else None
    if not isinstance(other, str):
        return None
    if not (path.parent / other).is_file():
        raise InputError([document.problem(("extends",), f"there is no file {other!r} beside it")])
    base = load_yaml(path.parent / other)
    if isinstance(base.data, dict) and "extends" in base.data:
        raise InputError([document.problem(
            ("extends",), f"{other!r} extends another script itself; extend that one"
        )])
    return base


def _agents_of(document: YamlDocument) -> Mapping[str, Any]:
    given = document.data.get("agents") if isinstance(document.data, dict) else None
    return given if isinstance(given, dict) else {}


def _compile(number: int, rule: Rule, file: str, *, verbatim: bool) -> CompiledRule:
    approve = rule.approve
    as_text, as_value = (_constant, _constant) if verbatim else (compile_text, compile_value)
    return CompiledRule(
        number=number, file=file, rule=rule,
        when=None if rule.when is None else compile_expression(rule.when),
        say=None if rule.say is None else as_text(rule.say),
        calls=tuple((call, as_value(call.arguments)) for call in rule.tool_calls),
        data=None if rule.data is None else as_value(rule.data),
        task=as_text(rule.delegate.task if rule.delegate else ""),
        context=as_text(rule.delegate.context if rule.delegate else ""),
        approve=compile_expression(approve) if isinstance(approve, str)
        else None if approve is None else compile_value(approve),
        error=as_text(rule.http_error.message) if rule.http_error else None,
    )


def _constant(value: Any) -> Compiled:
    return lambda _: value


def _agent_problems(
    document: YamlDocument, agents: Sequence[str], inherited: Collection[str]
) -> Iterator[Problem]:
    given = document.data.get("agents") if isinstance(document.data, dict) else None
    if not isinstance(given, dict):
        return
    for name in given:
        if name not in agents:
            message = f"the team has no agent {name!r}{nearest(name, agents)}"
            yield document.problem(("agents", name), message)
    for name in agents:
        if name not in given and name not in inherited:
            yield document.problem(("agents",), f"there are no rules for agent {name!r}")
    for path, rule in _rules(document):
        delegate = rule.get("delegate")
        targets: dict[KeyPath, Any] = {("handoff",): rule.get("handoff")}
        if isinstance(delegate, dict):
            targets["delegate", "to"] = delegate.get("to")
        for keys, target in targets.items():
            if isinstance(target, str) and target not in agents:
                message = f"the team has no agent {target!r}{nearest(target, agents)}"
                yield document.problem((*path, *keys), message)


def _template_problems(
    document: YamlDocument, variables: Mapping[str, Any]
) -> Iterator[Problem]:
    verbatim = isinstance(document.data, dict) and document.data.get("verbatim") is True
    for path, rule in _rules(document):
        for keys, text in _texts(rule):
            expression = keys in (("when",), ("approve",))
            if verbatim and not expression:
                continue
            for message in template_problems(text, variables, expression=expression):
                yield document.problem((*path, *keys), message)


def _rules(document: YamlDocument) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Yield each rule with its path, as far as the file has the right shape."""
    given = document.data.get("agents") if isinstance(document.data, dict) else None
    for name, rules in given.items() if isinstance(given, dict) else ():
        for at, rule in enumerate(rules) if isinstance(rules, list) else ():
            if isinstance(rule, dict):
                yield ("agents", name, at), rule


def _texts(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        if path not in (("handoff",), ("delegate", "to")) and not _names_tool(path):
            yield path, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _texts(member, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, (*path, at))


def _names_tool(path: KeyPath) -> bool:
    return path[-1] == "tool" and path[0] in ("call", "calls") and "arguments" not in path
