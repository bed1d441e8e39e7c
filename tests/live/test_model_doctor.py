"""`agentdyno doctor --model NAME` against llmock."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agentdyno.cli.main import main


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))


def queue(server: str, behavior: dict[str, Any]) -> None:
    async def send() -> None:
        async with aiohttp.ClientSession() as http, http.post(
            f"{server}/_llmock/scenario", json={"behaviors": [behavior]},
        ) as response:
            assert response.status == 201

    asyncio.run(send())


def test_it_says_what_a_model_can_do(
    llmock_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text(
        f"OPENAI_BASE_URL={llmock_server}/v1\nOPENAI_API_KEY=sk-openai-00112233\n"
    )
    assert main(["doctor", "--model", "openai:gpt-4o"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"openai:gpt-4o at {llmock_server}/v1\n")
    for line in ("plain answer: answers", "tools: calls a tool", "streaming:", "with usage",
                 "structured output: keeps to a JSON Schema", "price: $2.5 per million tokens"):
        assert line in shown
    assert "sk-openai" not in shown


def test_what_does_not_work_is_bad_and_a_free_server_costs_nothing(
    llmock_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    queue(llmock_server, {"type": "stream_fault", "kind": "truncate", "after_chunks": 3})
    assert main(["doctor", "--model", f"vllm:tiny@{llmock_server}/v1"]) == 3
    shown = capsys.readouterr().out
    assert "bad  streaming: the stream has no finish reason" in shown
    assert "ok   structured output" in shown
    assert "nobody bills" in shown


def test_a_refused_key_is_named_and_nothing_more_is_asked(
    llmock_server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue(llmock_server, {"type": "fail", "status": 401})
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llmock_server}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-00112233")
    assert main(["doctor", "--model", "openai:gpt-4o"]) == 3
    shown = capsys.readouterr().out
    assert "refuses the API key in OPENAI_API_KEY" in shown
    assert "tools" not in shown
    assert "sk-openai" not in shown


def test_a_missing_key_and_a_name_that_is_none_are_usage_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["doctor", "--model", "openai:gpt-4o"]) == 4
    assert "OPENAI_API_KEY" in capsys.readouterr().err
    assert main(["doctor", "--model", "gpt-4o"]) == 4
    assert "PROVIDER:NAME" in capsys.readouterr().err
