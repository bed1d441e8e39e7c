"""Recorded: answers tool calls with what a recorded conversation says that they returned.

Run with the path of the recording; its form is in the README of this folder. A call is found by its
tool and its arguments as JSON values, equal calls in the order of the recording. Nothing is made
up: what was not recorded is an error that says so.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agentdyno.tools.servers.base import RequestError, State, ToolProcess

_SHOWN = 300
"""Characters of arguments in an error."""

Call = dict[str, Any]


class RecordedProcess(ToolProcess):
    """Serves one recording; each trial goes through it from the start."""

    def __init__(self, recording: Mapping[str, Any]) -> None:
        super().__init__("recorded", (), lambda: {"given": {}})
        self._listed = [_wire(tool) for tool in recording["tools"]]
        self._names = [tool["name"] for tool in self._listed]
        self._calls: dict[str, list[Call]] = defaultdict(list)
        for call in recording["calls"]:
            self._calls[_key(call["tool"], call["arguments"])].append(call)

    def _result(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "tools/list":
            return {"tools": self._listed}
        return super()._result(method, params)

    def _state(self, params: dict[str, Any]) -> State:
        state = super()._state(params)
        if "uri" not in params:
            return state
        given: dict[str, int] = state["given"]
        left = [
            {"tool": call["tool"], "arguments": call["arguments"]}
            for key, calls in self._calls.items() for call in calls[given.get(key, 0):]
        ]
        return {"unused": left}

    def _call(self, params: dict[str, Any]) -> dict[str, Any]:
        tool, arguments = str(params.get("name")), params.get("arguments") or {}
        if tool not in self._names:
            raise RequestError(
                -32602, f"the recording has no tool {tool!r}; it has {', '.join(self._names)}."
            )
        key = _key(tool, arguments)
        given: dict[str, int] = self._state({"_meta": params.get("_meta")})["given"]
        number, recorded = given.get(key, 0), self._calls.get(key, [])
        if number >= len(recorded):
            return _error(self._unknown(tool, arguments, len(recorded)))
        given[key] = number + 1
        result = recorded[number]["result"]
        if result is None:
            return _error(f"{tool}: the recording has this call, but no result of it.")
        return {
            "content": [{"type": "text", "text": text} for text in result["texts"]],
            "isError": result["is_error"],
        }

    def _unknown(self, tool: str, arguments: dict[str, Any], times: int) -> str:
        """Return why there is no result, with the nearest call that was recorded."""
        if times:
            return (
                f"{tool}: the recording has {times} results for these arguments, and all of them "
                "were given already."
            )
        same = [call for calls in self._calls.values() for call in calls if call["tool"] == tool]
        if not same:
            return f"{tool}: the recording has no call of this tool, so no result is known."
        nearest = max(same, key=lambda call: _agreement(call["arguments"], arguments))
        return (
            f"{tool}: nothing was recorded for these arguments. Nearest recorded call: "
            f"{_shown(nearest['arguments'])}; {_difference(nearest['arguments'], arguments)}."
        )


def _wire(tool: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tool[key] for key in ("name", "description", "inputSchema")}


def _key(tool: str, arguments: Any) -> str:
    return f"{tool} {_plain(arguments)}"


def _plain(value: Any) -> str:
    """Return one text for each JSON value: 1 and 1.0 are one number, and keys have no order."""
    return json.dumps(_numbers(value), sort_keys=True, ensure_ascii=False)


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _agreement(one: Mapping[str, Any], other: Mapping[str, Any]) -> int:
    return sum(key in other and _plain(one[key]) == _plain(other[key]) for key in one)


def _difference(recorded: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    for key in recorded:
        if key not in given:
            return f"{key!r} is missing here"
        if _plain(recorded[key]) != _plain(given[key]):
            return f"{key!r} is {_shown(given[key])} here"
    extra = next(iter(given.keys() - recorded.keys()))
    return f"{extra!r} is not in it"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _error(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True}


def main(arguments: Sequence[str]) -> None:
    """Serve the recording that the one argument names."""
    if len(arguments) != 1:
        sys.exit("recorded: give the path of one recording: args: [\"${scenario}/recorded.json\"]")
    try:
        recording = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
        process = RecordedProcess(recording)
    except OSError as error:
        sys.exit(f"recorded: {arguments[0]} cannot be read: {error.strerror}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"recorded: {arguments[0]} is no recording: {type(error).__name__}: {error}")
    process.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
