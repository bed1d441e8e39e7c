"""`agentdyno diff` on stored trials, as a user reads it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.main import main
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.wires import ask, chat_tool, recorded, say

SYSTEM = "You are the researcher.\nName your sources."
TASK = say("user", "Which share grew most?")
STRICT = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
LEAN = recorded("lean", [
    ("solo", ask(say("system", SYSTEM), TASK, tools=[chat_tool()], temperature=0)),
])
FAT = recorded("fat", [
    ("solo", ask(say("system", f"{SYSTEM}\nYour personal goal is: facts."), TASK,
                 tools=[chat_tool(parameters=STRICT), chat_tool("handoff", "Hands over.")],
                 temperature=0, parallel_tool_calls=False)),
    ("solo", ask(say("user", "Check \x1b[31mit\x1b[0m again, in other words."))),
])


@pytest.fixture
def stored(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path))
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)

    async def store() -> None:
        pool = await open_pool(database)
        trials = TrialStore(pool)
        await trials.save(await trials.create_matrix("run", {}), [LEAN, FAT])
        await pool.close()

    asyncio.run(store())


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["diff", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("columns", ["70", "160"])
def test_the_diff_shows_prompts_tools_parameters_extra_calls_and_tokens(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = shown(capsys, "lean", "fat")
    assert all(len(line) <= int(columns) for line in text.splitlines()), text
    for words in (
        "lean 1", "fat 1", "Your personal goal is: facts.", "system prompt",
        "parallel_tool_calls: not sent → false", "limit: {\"type\": \"integer\"} → not sent",
        "handoff in B alone", "B alone 2", "+1 calls", "agentdyno diff lean0 fat0 --full",
    ):
        assert words in " ".join(text.split()), words
    assert "temperature" not in text


@pytest.mark.usefixtures("stored")
def test_what_a_model_was_sent_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\x1b" not in shown(capsys, "lean", "fat", "--full")


@pytest.mark.usefixtures("stored")
def test_the_same_requests_are_called_equal(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, "lean", "lean")
    assert "parameters: equal" in text
    assert "tools: equal" in text
    assert "solo: messages equal" in text
    assert "both are the same trial" in text


@pytest.mark.usefixtures("stored")
def test_json_holds_every_call_with_its_tokens_by_part(
    capsys: pytest.CaptureFixture[str]
) -> None:
    found: dict[str, Any] = json.loads(shown(capsys, "lean", "fat", "--json"))
    assert found["a"]["runner"] == "lean 1"
    first, second = found["calls"]
    assert set(first["a"]["tokens"]) == {
        "system", "user", "assistant", "tool_results", "tool_schemas", "output_schema",
        "completion",
    }
    assert first["messages"][0]["kind"] == "changed"
    assert second["a"] is None
    assert second["number"] == 2


@pytest.mark.usefixtures("stored")
def test_a_trial_that_is_not_there_ends_with_4_and_the_nearest_ids(
    capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", "lean", "zzzz"]) == 4
    assert "lean0" in capsys.readouterr().err


@pytest.mark.usefixtures("stored")
def test_nothing_is_cut_off_with_full_and_long_lines_keep_their_differences_without(
    database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "x" * 3000
    pair = [
        recorded(name, [("solo", ask(say("user", f"Read {long} and {word} then")))])
        for name, word in (("short1", "rest"), ("short2", "write"))
    ]

    async def store() -> None:
        pool = await open_pool(database)
        trials = TrialStore(pool)
        await trials.save(await trials.create_matrix("run", {}), pair)
        await pool.close()

    asyncio.run(store())
    text = shown(capsys, "short1", "short2")
    assert "characters" in text
    assert "rest then" in text
    assert "write then" in text
    assert text.count("x") < 1000
    assert shown(capsys, "short1", "short2", "--full").count("x") >= 6000
