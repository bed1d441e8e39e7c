"""A whole agent with nothing but the standard library: a loop of model calls and MCP tool calls.

Your application needs no change to be measured as long as it reads OPENAI_BASE_URL and
OPENAI_API_KEY, as the OpenAI clients do, and is told where its tools are.
"""

import json
import os
import urllib.request

KEY = os.environ["OPENAI_API_KEY"]


def post(url, body):
    headers = {
        "authorization": f"Bearer {KEY}", "content-type": "application/json",
        "accept": "application/json, text/event-stream",
    }
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310
        return json.load(response)


def mcp(method, params):
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return post(os.environ["AGENTDYNO_MCP_URL"], message)["result"]


def answer(task, trial):
    tools = [
        {"type": "function", "function": {
            "name": tool["name"], "description": tool["description"],
            "parameters": tool["inputSchema"],
        }}
        for tool in mcp("tools/list", {})["tools"]
    ]
    (agent,) = trial.agents.values()
    messages = [
        {"role": "system", "content": agent["instructions"]},
        *trial.history, {"role": "user", "content": task},
    ]
    while True:
        body = {"model": trial.model, "messages": messages, "tools": tools}
        message = post(f"{trial.base_url}/chat/completions", body)["choices"][0]["message"]
        messages.append(message)
        if not message.get("tool_calls"):
            return message["content"]
        for call in message["tool_calls"]:
            used = call["function"]
            arguments = json.loads(used["arguments"])
            result = mcp("tools/call", {"name": used["name"], "arguments": arguments})
            text = "\n".join(part.get("text", "") for part in result["content"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
