"""Recorded conversations for the contract suite: written for it, in the shapes of real ones."""

import json
from typing import Any

Chat = dict[str, Any]

EVERY_TYPE: dict[str, Any] = {
    "text": "{{ braces }} {% raw %} “日本” \u2028 😀 \\ \"q\" line\nline  \n\n tail ", "n": -12,
    "price": 0.1, "whole": 1.0, "big": 9007199254740993, "gift": True, "note": None, "none": {},
    "lines": [{"sku": "a", "parts": [1, 2.5, False, None, {"deep": [[]]}]}, {}, "x"],
    "address": {"ü": {"empty": {}, "zero": 0, "text": ""}},
}


def user(text: str) -> Chat:
    return {"role": "user", "content": text}


def says(text: str | None, *calls: tuple[str, str, Any]) -> Chat:
    """Return a message of the assistant's; calls are (id, tool, arguments)."""
    asked = [
        {"id": ident, "type": "function", "function": {
            "name": tool, "arguments": json.dumps(arguments, ensure_ascii=False)}}
        for ident, tool, arguments in calls
    ]
    return {"role": "assistant", "content": text, **({"tool_calls": asked} if asked else {})}


def result(ident: str, text: str) -> Chat:
    return {"role": "tool", "tool_call_id": ident, "content": text}


SYSTEM = {"role": "system", "content": "# Rules\n\n- Be kind. {{ no_variable }} {% if %}\n"}

EVERYTHING = [
    SYSTEM,
    user("Hi {{ there }}, I need two things"),
    says("Which {{ things }}?"),
    user("  a look-up and an order \n"),
    says("Let me look that up for you.", ("c1", "lookUp", {"q": "x"})),
    result("c1", '{"found": [1, 2]}'),
    says("And once more.", ("c2", "lookUp", {"q": "x"})),
    result("c2", "Error: not found"),
    says(None, ("c3", "order", EVERY_TYPE), ("c4", "lookUp", {"q": "y"}), ("c5", "now", {})),
    result("c4", "four"), result("c3", "ordered"), result("c5", "noon"),
    says("  Both are done.\n\n| a | b |\n|---|---|\n"),
    user("never mind"),
    says(None, ("c6", "order", {"text": "only this"})),
    result("c6", "ordered again"),
    user("Now talk to a human"),
    says("One moment.", ("c7", "transfer_to_human_agents", {"summary": "wants a human"})),
    result("c7", "Transfer successful"),
]
"""Text beside calls, parallel calls, equal calls with unequal results, every JSON type, braces and
white space, names in camel case, a turn without an answer in the middle and one at the end."""

MANY_TURNS = [SYSTEM, *(
    message for number in range(24) for message in (
        user(f"turn {number}"), says(None, (f"m{number}", "step", {"n": number})),
        result(f"m{number}", f"result {number}"), says(f"answer {number}"),
    )
)]

EMPTY_ANSWER = [SYSTEM, user("go"), says(""), user("and?"), says("done")]

SEVEN_EQUAL_CALLS = [SYSTEM, user("poll"), *(
    message for number in range(7) for message in (
        says(None, (f"p{number}", "poll", {"id": 1})), result(f"p{number}", "pending"),
    )
), says("gave up")]

NO_RESULTS = [user("go"), says(None, ("n1", "find", {"q": 1})), says("It was found.")]
