"""`agentdyno cassette`: what is recorded, what it says, and whether it is whole."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdyno.cli.main import main
from agentdyno.core.event import ModelCall, ToolCall, ToolsListed, WireRecord
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.experiments.plan import scenario_digest
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.scenarios.loader import load_scenario
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore

STEM = "docs_question/crewai/baseline-0"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a cache of our own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AGENTDYNO_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def key(**fields: Any) -> TrialKey:
    zeros = "0" * 64
    loaded = load_scenario("docs_question")
    base: dict[str, Any] = {
        "scenario": "docs_question", "runner": "crewai", "runner_version": "1.14",
        "runner_digest": zeros, "model_digest": zeros, "model": "openai:gpt-9",
        "scenario_digest": scenario_digest(loaded, loaded.scenario.limits, None),
    }
    return TrialKey(**{**base, **fields})


def sealed(prompt: str, answer: str, **fields: Any) -> tuple[Trial, list[WireRecord]]:
    asked = {"model": "default", "messages": [{"role": "system", "content": "Be brief."},
                                              {"role": "user", "content": prompt}]}
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": answer}}]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "look", "arguments": {"page": 3}}}
    result = {"content": [{"type": "text", "text": "page three"}], "isError": False}
    events = (
        ToolsListed(agent="solo", started_s=0, ended_s=0, origins=("docs.look",),
                    tools=({"name": "look", "inputSchema": {"type": "object"}},)),
        ModelCall(agent="solo", started_s=1, ended_s=2.5, first_token_s=1.25, ordinal=0,
                  api="chat", model="default", stream=False, status=200, source="live",
                  provider="openai", provider_model="gpt-9"),
        ToolCall(agent="solo", started_s=3, ended_s=3.5, ordinal=0, server="docs", tool="look",
                 arguments={"page": 3}, is_error=False, result_text="page three"),
    )
    trial = Trial(
        id="0123456789abcdef0123", key=key(**fields), outcome=Outcome.COMPLETED,
        started_at="2026-01-02T03:04:05+00:00", duration_s=4.0, events=events,
        report=WorkerReport(ended="returned"), user_turns=(prompt,), answers=(answer,),
    )
    wire = [
        WireRecord(seq=0, channel="model", agent="solo", started_s=1, request=json.dumps(asked),
                   response=json.dumps(said)),
        WireRecord(seq=1, channel="tool", agent="solo", started_s=2.9, request=json.dumps(call),
                   response=json.dumps({"jsonrpc": "2.0", "id": 1, "result": result})),
    ]
    return trial, wire


Save = Callable[..., Path]


@pytest.fixture
def save() -> Save:
    def write(prompt: str = "Where is it?", answer: str = "On page three.", **fields: Any) -> Path:
        cassette = Cassette.of(*sealed(prompt, answer, **fields))
        return CassetteLibrary(Path("cassettes")).save(cassette)

    return write


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["cassette", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_an_empty_folder_says_how_recordings_are_made(capsys):
    code, out, _ = said(capsys, "list")
    assert code == 0
    assert "no recording in cassettes" in out
    assert "--model record" in out


def test_recordings_are_listed_with_version_model_calls_size_and_age(save, capsys):
    save()
    Path("cassettes/damaged.yaml").write_text("cassette: [\n")
    code, out, _ = said(capsys, "list")
    assert code == 0
    line = next(line for line in out.splitlines() if STEM in line)
    for part in ("crewai 1.14", "openai:gpt-9", "1", "kB", "days"):
        assert part in line
    assert "cassettes/damaged.yaml" in out
    assert "not YAML" in out
    lines = [json.loads(line) for line in said(capsys, "list", "--json")[1].splitlines()]
    assert {line.get("scenario") for line in lines} == {"docs_question", None}


@pytest.mark.parametrize("name", [STEM, f"{STEM}.yaml", f"cassettes/{STEM}.yaml"])
def test_a_recording_is_shown_as_a_conversation(name, save, capsys):
    save()
    code, out, _ = said(capsys, "show", name)
    assert code == 0
    for part in (
        "docs_question on crewai 1.14", "== call 1 of solo: openai gpt-9 (200)",
        "recorded: 1500 ms, first content 250 ms", " >   Where is it?", " <   On page three.",
        "tool call 1 of solo: docs.look (recorded: 500.0 ms)", ' > {"page":3}',
    ):
        assert part in out


def test_a_recording_that_is_not_there_is_told_with_the_nearest(save, capsys):
    save()
    code, _, err = said(capsys, "show", "docs_question/crewai/baseline-1")
    assert code == 4
    assert f"did you mean '{STEM}'?" in err


def test_two_recordings_are_compared_call_by_call(save, capsys):
    save()
    Path("old.yaml").write_bytes(Path(f"cassettes/{STEM}.yaml").read_bytes())
    assert said(capsys, "diff", "old.yaml", STEM)[:2] == (0, "the two recordings say the same\n")
    save("Where was it?", "On page four.", runner_version="1.15")
    code, out, _ = said(capsys, "diff", "old.yaml", STEM)
    assert code == 1
    for part in (
        "runner_version: 1.14 -> 1.15", "call 1 of solo: asked differently",
        "first difference: $.messages[1].content", "-  Where is it?", "+  Where was it?",
        "call 1 of solo: answered differently", "+  On page four.",
    ):
        assert part in out


def test_prune_shows_what_is_outdated_and_deletes_it_only_when_told_to(save, capsys):
    good = save()
    gone = save(scenario="no_such_scenario")
    changed = save(repeat=1, scenario_digest="1" * 64)
    runner = save(runner="no_such_runner")
    code, out, _ = said(capsys, "prune")
    assert code == 0
    assert f"would delete {gone}: scenario no_such_scenario is neither in the library" in out
    assert f"would delete {changed}: scenario docs_question has changed since" in out
    assert f"would delete {runner}: there is no runner no_such_runner" in out
    assert str(good) not in out
    assert all(path.exists() for path in (good, gone, changed, runner))
    said(capsys, "prune", "--yes")
    assert [path.exists() for path in (good, gone, changed, runner)] == [True, False, False, False]


def test_prune_keeps_recordings_of_scenarios_in_the_working_folder(save, capsys, folder):
    own = folder / "scenarios" / "mine"
    own.mkdir(parents=True)
    (own / "scenario.yaml").write_text(
        "name: mine\ntitle: Mine\nuser: [Hello]\n"
        "agents: {solo: {role: r, goal: g, instructions: i}}\n"
        "pattern: {type: single, agent: solo}\n"
    )
    loaded = load_scenario(own)
    digest = scenario_digest(loaded, loaded.scenario.limits, None)
    path = save(scenario="mine", scenario_digest=digest)
    assert str(path) not in said(capsys, "prune")[1]


def test_good_recordings_are_verified(save, capsys):
    save()
    assert said(capsys, "verify")[:2] == (0, "1 recording is good\n")


def test_an_edit_by_hand_is_found_and_can_be_accepted(save, capsys):
    path = save()
    path.write_text(path.read_text().replace("page three", "page nine"))
    code, out, _ = said(capsys, "verify")
    assert code == 1
    assert f"{path} was edited after it was recorded" in out
    assert f"agentdyno cassette verify --accept {path}" in out
    assert said(capsys, "verify", "--accept", str(path))[0] == 0
    assert said(capsys, "verify")[0] == 0
    assert "page nine" in said(capsys, "show", STEM)[1]


def test_accepting_needs_a_file_and_a_readable_one(save, capsys):
    path = save()
    code, _, err = said(capsys, "verify", "--accept")
    assert (code, "--accept needs the FILE" in err) == (4, True)
    path.write_text(path.read_text().replace("status: 200", "status: ["))
    code, _, err = said(capsys, "verify", "--accept", str(path))
    assert code == 4
    assert f"{path}:" in err


def test_a_secret_written_into_a_recording_is_found_with_its_line(save, capsys):
    path = save()
    secret = "sk-proj-abcdefghijklmnop0123456789"
    text = path.read_text().replace("page three", secret)
    path.write_text(text)
    line = next(n for n, x in enumerate(text.splitlines(), 1) if secret in x)
    main(["cassette", "verify", "--accept", str(path)])
    code, out, _ = said(capsys, "verify")
    assert code == 1
    assert f"{path}:{line}: this looks like a secret" in out
    assert secret not in out


def test_a_recording_of_another_format_is_a_problem(save, capsys):
    path = save()
    path.write_text(path.read_text().replace("cassette: 1\n", "cassette: 2\n", 1))
    code, out, _ = said(capsys, "verify")
    assert code == 1
    assert "is a cassette of format 2; this agentdyno reads format 1" in out


def test_a_stored_trial_becomes_a_recording(database, monkeypatch, capsys):
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)

    async def store() -> None:
        pool = await open_pool(database)
        trials = TrialStore(pool)
        matrix = await trials.create_matrix("agentdyno run", {})
        await trials.save(matrix, [sealed("Where is it? pass-word-1", "On page three.")])
        await pool.close()

    asyncio.run(store())
    Path("keys").write_text("KEY='pass-word-1'\n# comment\n")
    code, out, _ = said(capsys, "make", "0123456", "--env-file", "keys")
    assert (code, out) == (0, f"cassettes/{STEM}.yaml: 1 model calls, 1 tool results\n")
    assert "pass-word-1" not in Path(f"cassettes/{STEM}.yaml").read_text()
    code, _, err = said(capsys, "make", "0123456")
    assert code == 4
    assert "agentdyno cassette make 0123456 --force" in err
    assert said(capsys, "make", "0123456", "--force")[0] == 0
    assert said(capsys, "make", "nothing")[0] == 4
