"""The tokenizer is a real one, works offline, and the formula is the documented one."""

import pytest

from agentdyno.models.bpe import count_text
from agentdyno.models.chat import parse_chat
from agentdyno.models.conversation import Reply, ToolUse
from agentdyno.models.responses import parse_responses
from agentdyno.models.tokens import count_call


@pytest.mark.parametrize(("text", "tokens"), [
    # Counts by OpenAI's own tiktoken for cl100k_base, as its cookbook prints them.
    ("tiktoken is great!", 6), ("antidisestablishmentarianism", 6), ("2 + 2 = 4", 7),
    ("お誕生日おめでとう", 9), ("", 0),
])
def test_counts_are_those_of_cl100k_base(text: str, tokens: int) -> None:
    assert count_text(text) == tokens


def test_a_special_token_in_a_text_is_ordinary_text() -> None:
    assert count_text("<|endoftext|>") > 1


def test_a_count_is_the_sum_over_every_piece_of_the_request() -> None:
    parameters = {"type": "object", "properties": {}}
    tool = {"function": {"parameters": parameters, "name": "look"}, "type": "function"}
    schema = {"type": "object"}
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    conversation = parse_chat({
        "model": "m", "tools": [tool],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "messages": [
            {"role": "user", "name": "user", "content": "hello there"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "42"}]},
        ],
    })
    reply = Reply(text="done", calls=(ToolUse(id="d", name="look", arguments='{"a":1}'),))
    tokens = count_call(conversation, reply)
    sent = '{"function":{"name":"look","parameters":{"properties":{},"type":"object"}},' \
           '"type":"function"}'
    pieces = ["user", "user", "hello there", "assistant", "look", "{}", "tool", "42",
              '{"type":"object"}']
    assert tokens.prompt_tools == count_text(sent)
    assert tokens.prompt == tokens.prompt_tools + sum(count_text(piece) for piece in pieces)
    assert tokens.completion == sum(count_text(piece) for piece in ("done", "look", '{"a":1}'))


def test_both_dialects_count_the_same_conversation_alike() -> None:
    chat = parse_chat({"model": "m", "messages": [
        {"role": "system", "content": "Be good."}, {"role": "user", "content": "hello"}]})
    responses = parse_responses({"model": "m", "instructions": "Be good.", "input": "hello"})
    assert count_call(chat, Reply()) == count_call(responses, Reply())
