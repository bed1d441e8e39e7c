"""Messages of an agent step as Windmill keeps them, to and from those of Pydantic AI."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from agentdyno.runners.openflow.agent_inputs import Written


def written(
    messages: Iterable[ModelMessage], resource_path: str | None, agents: Mapping[str, str]
) -> list[Written]:
    """Return `messages` as Windmill writes them; instructions are no part of them.

    `resource_path` names the only MCP server of the step; null when there are several. `agents`
    are the ids of tools that are agents, by tool name.
    """
    shown: list[Written] = []
    calls: dict[str, ToolCallPart] = {}
    for message in messages:
        if isinstance(message, ModelResponse):
            calls |= {call.tool_call_id: call for call in message.tool_calls}
            shown.append(_assistant(message))
            continue
        for part in message.parts:
            if isinstance(part, UserPromptPart):
                shown.append({"role": "user", "content": part.content})
            elif isinstance(part, ToolReturnPart):
                shown.append(_tool(part, _action(calls[part.tool_call_id], resource_path, agents)))
    return shown


def _assistant(message: ModelResponse) -> Written:
    shown: Written = {"role": "assistant", "content": message.text}
    if not message.tool_calls:
        return {**shown, "agent_action": {"type": "message"}}
    shown["tool_calls"] = [
        {
            "id": call.tool_call_id, "type": "function",
            "function": {"name": call.tool_name, "arguments": call.args_as_json_str()},
        }
        for call in message.tool_calls
    ]
    return shown


def _action(
    call: ToolCallPart, resource_path: str | None, agents: Mapping[str, str]
) -> Written:
    common = {"function_name": call.tool_name, "arguments": call.args_as_dict()}
    if call.tool_name in agents:
        return {"type": "tool_call", "module_id": agents[call.tool_name], **common}
    return {
        "type": "mcp_tool_call", "call_id": call.tool_call_id, "resource_path": resource_path,
        **common,
    }


def _tool(part: ToolReturnPart, action: Written) -> Written:
    return {
        "role": "tool", "tool_call_id": part.tool_call_id, "content": part.model_response_str(),
        "agent_action": action,
    }


def read(messages: Sequence[Written]) -> list[ModelMessage]:
    """Return Windmill's messages as a history for Pydantic AI.

    Raises:
        ValueError: a message is of no role that a history can hold.
    """
    history: list[ModelMessage] = []
    names: dict[str, str] = {}
    for message in messages:
        match message["role"]:
            case "assistant":
                history.append(_response(message, names))
            case "user":
                _append(history, UserPromptPart(content=str(message["content"])))
            case "tool":
                name = message["tool_call_id"]
                _append(history, ToolReturnPart(
                    tool_name=names[name], tool_call_id=name, content=message["content"]
                ))
            case role:
                raise ValueError(f"a history cannot hold a message of the role {role!r}")
    return history


def _append(history: list[ModelMessage], part: ModelRequestPart) -> None:
    """Add `part` to the request at the end: the results of one turn belong together."""
    last = history[-1] if history else None
    if isinstance(last, ModelRequest):
        last.parts = [*last.parts, part]
    else:
        history.append(ModelRequest(parts=[part]))


def _response(message: Written, names: dict[str, str]) -> ModelResponse:
    parts: list[ModelResponsePart] = []
    if message.get("content"):
        parts.append(TextPart(content=message["content"]))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        names[call["id"]] = function["name"]
        parts.append(ToolCallPart(
            tool_name=function["name"], args=function["arguments"], tool_call_id=call["id"]
        ))
    return ModelResponse(parts=parts)


def window(messages: Sequence[Written], length: int) -> list[Written]:
    """Return the last `length` messages, without tool results whose call was cut off."""
    kept = list(messages[-length:]) if length > 0 else []
    while kept and kept[0]["role"] == "tool":
        kept.pop(0)
    return kept
