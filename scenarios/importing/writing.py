"""From a conversation to the three files of a scenario: scenario, script and recording."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import agentdyno
from agentdyno.scenarios.importing.talk import Conversation, ModelTurn, RecordedCall, UserTurn
from agentdyno.scenarios.importing.yamltext import Keys, Lines, yaml_text

AGENT, SERVER = "assistant", "recorded"
SCENARIO, SCRIPT, RECORDING = "scenario.yaml", "script.yaml", "recorded.json"
NO_ANSWER = "(The recording holds no answer to this user turn.)"
"""What the scripted model says where the recording ends without an answer."""
_NO_PROMPT = "You are a helpful assistant."
_ROOT = Path(agentdyno.__file__).parent

_SCENARIO_HEAD = """\
# yaml-language-server: $schema={schema}
# Imported from {source}. `verbatim`: texts are taken as they stand.
"""
_SCRIPT_HEAD = """\
# yaml-language-server: $schema={schema}
# The model turns of {source}, in order: `turn` numbers the user turns,
# `calls_now()` counts the tool calls since the user spoke.
"""


def scenario_files(name: str, conversation: Conversation, folder: Path) -> dict[str, str]:
    """Return the texts of the scenario's files by name.

    Args:
        name: name of the scenario.
        conversation: what was recorded.
        folder: where the files will stand; their schema lines lead from there to the package.
    """
    head = {"source": conversation.source.replace("\n", " ")}
    recorded = json.dumps(_recording(conversation), ensure_ascii=False, indent=1)
    return {
        SCENARIO: _SCENARIO_HEAD.format(**head, schema=_schema("core", "scenario", folder))
        + yaml_text(_scenario(name, conversation)),
        SCRIPT: _SCRIPT_HEAD.format(**head, schema=_schema("models", "script", folder))
        + yaml_text({"verbatim": True, "agents": {AGENT: Lines(_rules(conversation))}}),
        RECORDING: recorded + "\n",
    }


def _schema(layer: str, name: str, folder: Path) -> str:
    path = _ROOT / layer / "schemas" / f"{name}.schema.json"
    return Path(os.path.relpath(path, folder.resolve())).as_posix()


def _scenario(name: str, conversation: Conversation) -> dict[str, Any]:
    has_tools = bool(conversation.tools)
    server = {"bundled": SERVER, "args": [f"${{scenario}}/{RECORDING}"]}
    return {
        "name": name,
        "title": f"Recorded conversation: {conversation.summary}",
        "description": _description(conversation),
        "tags": ["imported"],
        "verbatim": True,
        "user": Lines(turn.text for turn in conversation.turns),
        "agents": {AGENT: {
            "role": "Assistant",
            "goal": "Answer the user as in the recorded conversation.",
            "instructions": conversation.instructions or _NO_PROMPT,
            **({"tools": [f"{SERVER}.*"]} if has_tools else {}),
            "max_turns": max(10, 2 + max(len(turn.steps) + 1 for turn in conversation.turns)),
        }},
        "pattern": {"type": "single", "agent": AGENT},
        **({"mcpServers": {SERVER: server}} if has_tools else {}),
        "limits": _limits(conversation),
        "script": SCRIPT,
        "checks": Lines(_checks(conversation)),
    }


def _description(conversation: Conversation) -> str:
    notes = "\n".join(f"- {note}" for note in conversation.notes)
    about = f"Imported from {conversation.source}."
    return f"{about}\n\nNot as recorded, or guessed:\n{notes}\n" if notes else about


def _limits(conversation: Conversation) -> dict[str, Any]:
    """Return bounds with room for another model than the recorded one."""
    models = sum(len(turn.steps) + 1 for turn in conversation.turns)
    return {
        "timeout_s": 60 + 10 * models, "max_model_calls": 20 + 2 * models,
        "max_tool_calls": 20 + 2 * len(conversation.calls),
    }


def _checks(conversation: Conversation) -> Iterator[dict[str, Any]]:
    source = {"recording": RECORDING}
    yield {"id": "same_tool_calls", "type": "same_tool_calls", **source}
    if any(turn.answer is not None for turn in conversation.turns):
        yield {"id": "same_answers", "type": "same_answer", "every_turn": True, **source}
    if conversation.turns[-1].answer is not None:
        yield {"id": "same_final_answer", "type": "same_answer", **source}


def _rules(conversation: Conversation) -> Iterator[dict[str, Any]]:
    for number, turn in enumerate(conversation.turns, start=1):
        made = 0
        for step in turn.steps:
            yield Keys(when=_when(number, made, turn), **_asks(step))
            made += len(step.calls)
        answer = NO_ANSWER if turn.answer is None else turn.answer
        yield Keys(when=_when(number, made, turn), say=answer)


def _when(number: int, made: int, turn: UserTurn) -> str:
    return f"turn == {number} and calls_now() == {made}" if turn.steps else f"turn == {number}"


def _asks(step: ModelTurn) -> dict[str, Any]:
    calls = [{"tool": call.tool, "arguments": call.arguments} for call in step.calls]
    asked: dict[str, Any] = {"call": calls[0]} if len(calls) == 1 else {"calls": calls}
    return ({"say": step.text} if step.text else {}) | asked


def _recording(conversation: Conversation) -> dict[str, Any]:
    calls, step = list[dict[str, Any]](), 0
    for number, turn in enumerate(conversation.turns, start=1):
        for asked in turn.steps:
            step += 1
            calls += [
                _call(call, turn=number, step=step, said=asked.text) for call in asked.calls
            ]
    return {
        "version": 1,
        "source": conversation.source,
        "tools": [
            {
                "name": tool.name, "description": tool.description, "inputSchema": tool.schema,
                "inferred": tool.inferred,
            }
            for tool in conversation.tools
        ],
        "calls": calls,
        "answers": [turn.answer for turn in conversation.turns],
    }


def _call(call: RecordedCall, *, turn: int, step: int, said: str) -> dict[str, Any]:
    result = call.result
    return {
        "turn": turn, "step": step, **({"said": said} if said else {}), "tool": call.tool,
        "arguments": call.arguments,
        "result": result and {"texts": list(result.texts), "is_error": result.is_error},
    }
