"""Cassette files: readable, sealed, whole, and without secrets."""

import gzip
import json
import os
import random
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import HarnessFault, InputError, UsageError
from agentdyno.core.event import Fault, ModelCall, ModelTry, TokenCount, WireRecord
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.models.cassette import library as library_module
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.compare import cassette_difference
from agentdyno.models.cassette.library import CassetteLibrary, read

KEY = TrialKey(
    scenario="docs_question", scenario_digest="0" * 64, runner="crewai", runner_version="1.14",
    runner_digest="0" * 64, model_digest="0" * 64, repeat=1,
)
SK = "sk-proj-abcdefghijklmnop0123456789"


def call(ordinal: int = 0, **fields: Any) -> ModelCall:
    base: dict[str, Any] = {
        "agent": "solo", "started_s": float(ordinal), "ended_s": ordinal + 0.5, "api": "chat",
        "ordinal": ordinal, "model": "default", "stream": False, "first_token_s": ordinal + 0.25,
        "status": 200, "finish_reason": "stop", "tokens": TokenCount(prompt=1, completion=1),
        "source": "live", "provider": "openai", "provider_model": "gpt-9",
    }
    return ModelCall(**{**base, **fields})


def body(text: str) -> str:
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"index": 0, "message": message}]}, separators=(",", ":"))


def exchange(
    ordinal: int = 0, prompt: str = "hello", response: str | None = None, **request: Any
) -> WireRecord:
    asked = {"model": "default", "messages": [{"role": "user", "content": prompt}], **request}
    return WireRecord(
        seq=ordinal, channel="model", agent="solo", started_s=float(ordinal),
        request=json.dumps(asked), response=body("Good day.") if response is None else response,
    )


def trial(*events: Any, **fields: Any) -> Trial:
    base: dict[str, Any] = {
        "id": "0123456789abcdef0123", "key": KEY, "outcome": Outcome.COMPLETED,
        "started_at": "2026-01-02T03:04:05+00:00", "duration_s": 1.0, "events": events,
        "report": WorkerReport(ended="returned"), "user_turns": ("hello",),
        "answers": ("Good day.",),
    }
    return Trial(**{**base, **fields})


def one(**request: Any) -> Cassette:
    return Cassette.of(trial(call()), [exchange(**request)])


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CassetteLibrary:
    monkeypatch.chdir(tmp_path)
    return CassetteLibrary(Path("cassettes"))


def test_a_cassette_lies_by_scenario_runner_variant_and_repeat(library):
    path = library.save(one())
    assert path == Path("cassettes/docs_question/crewai/baseline-1.yaml")
    newer = KEY.model_copy(update={"runner_version": "1.15"})
    assert library.load(newer).head.key.runner_version == "1.14"
    assert library.digest(newer) == library.load(KEY).head.seal


def test_streamed_and_whole_answers_have_recordings_of_their_own(library):
    streaming = KEY.model_copy(update={"stream": True})
    assert library.path(streaming) != library.path(KEY)


def test_prompts_and_answers_can_be_read_in_the_file(library):
    prompt = "Answer in three lines.\nBe brief."
    text = library.save(one(prompt=prompt)).read_text()
    assert "--- # call 1 of solo\n" in text
    assert '      "content": "Answer in three lines.\\nBe brief.",\n' in text
    assert '        "content": "Good day."\n' in text
    assert "provider: openai\nprovider_model: gpt-9\n" in text


def test_equal_recordings_are_equal_files(library):
    assert one(b=1, a=2).text() == one(a=2, b=1).text()


@pytest.mark.parametrize("text", [
    '{"a":1}', '{"a": 1}', '{ "a" : 1 }', '{"a": "\\u00e9"}', '{"a":"é\u2028\x85"}',
    '{"a":1,"a":2}', "not json", "", "  leading", '{"n":1e400}', '{"n":1.10}', "line\r\nline\r\n",
    "tab\tand \x07 bell", "trailing \n", "\n\n", "---\n...\n# no comment",
])
def test_bodies_are_kept_to_the_byte(text):
    cassette = Cassette.of(trial(call()), [exchange(response=text)])
    again = Cassette.read(cassette.text(), "x.yaml")
    assert again.calls[0].body_text() == text


def test_streams_of_any_characters_are_kept_to_the_byte():
    chance = random.Random(3)
    letters = ["a", " ", "\n", "\r", "\t", ":", "#", "-", "'", '"', "\\", "日", "😀", "\x85",
               "\u2028", "\x00", "{", "|", "data: ", "event: x", "---", "~", "\ufeff"]
    for _ in range(200):
        text = "data: " + "".join(chance.choices(letters, k=chance.randint(0, 40)))
        cassette = Cassette.of(trial(call(stream=True)), [exchange(response=text)])
        again = Cassette.read(cassette.text(), "x.yaml")
        assert again.calls[0].body_text() == text
        assert again == Cassette(head=again.head, calls=cassette.calls,
                                 recording=cassette.recording, file="x.yaml")


def test_measured_gaps_become_the_times_of_the_events():
    def event(text: str) -> str:
        return f'data: {{"choices":[{{"delta":{{"content":"{text}"}}}}]}}\n\n'

    made = Cassette.of(
        trial(call(stream=True, gaps_ms=(100.0, 50.0))),
        [exchange(response=event("a") + event("b") + event("c") + "data: [DONE]\n\n")],
    )
    assert [chunk.ms for chunk in made.calls[0].stream] == [250.0, 350.0, 400.0, 500.0]


def test_a_large_cassette_is_compressed_and_replaces_the_plain_one(library):
    plain = library.save(one())
    large = library.save(one(prompt="word " * 300_000))
    assert large.name == "baseline-1.yaml.gz"
    assert not plain.exists()
    assert large.stat().st_size < 50_000
    assert library.load(KEY).calls[0].request["messages"][0]["content"].startswith("word word")


def test_a_cassette_that_cannot_be_written_leaves_the_old_one_and_no_half(library, monkeypatch):
    path = library.save(one())
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library_module.os, "fsync", full)
    with pytest.raises(HarnessFault, match="No space left"):
        library.save(one(prompt="another"))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_cassette_is_told_with_the_command_that_records_it(library):
    with pytest.raises(UsageError) as caught:
        library.load(KEY)
    assert "nothing is recorded of scenario docs_question on crewai" in caught.value.message
    assert caught.value.hint == ("agentdyno run docs_question --runner crewai --trials 2 "
                                 "--model record")


def test_a_cassette_edited_by_hand_is_refused_with_the_command_that_accepts_it(library):
    path = library.save(one())
    path.write_text(path.read_text().replace("Good day.", "Good night."))
    with pytest.raises(UsageError, match="was edited after it was recorded") as caught:
        library.load(KEY)
    assert f"agentdyno cassette verify --accept {path}" in caught.value.hint
    assert "Good night." in read(path, accept=True).calls[0].body_text()


def test_line_ends_of_another_system_are_no_edit(library):
    path = library.save(one())
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert library.load(KEY).calls == one().calls


def test_a_cassette_of_another_format_is_refused_with_both_versions(library):
    path = library.save(one())
    path.write_text(path.read_text().replace("cassette: 1\n", "cassette: 7\n"))
    with pytest.raises(UsageError, match=r"is a cassette of format 7; .* reads format 1"):
        library.load(KEY)


@pytest.mark.parametrize(("old", "new", "said"), [
    ("status: 200", "status: [", "not YAML"),
    ("status: 200", "status: fine", "status: "),
    ("agent: solo", "agent_: solo", "unknown key"),
    ('"model": "default"', '"model": default', "request: not JSON: Expecting value in its line"),
])
def test_a_damaged_cassette_is_refused_with_its_line(library, old, new, said):
    path = library.save(one())
    lines = path.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if old in line)
    lines[at] = lines[at].replace(old, new)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as caught:
        library.load(KEY)
    text = str(caught.value)
    assert said in text
    assert text.startswith(f"{path}:")
    line = int(text.split(":")[1])
    assert abs(line - (at + 1)) <= 12


def test_a_file_that_is_no_cassette_or_no_gzip_is_told_as_such(library, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("name: x\n")
    with pytest.raises(InputError, match="this is no cassette"):
        read(other)
    broken = tmp_path / "broken.yaml.gz"
    broken.write_bytes(gzip.compress(b"cassette: 1\n" * 99)[:30])
    with pytest.raises(InputError, match="not a gzip file, or a damaged one"):
        read(broken)


def test_no_secret_is_in_a_cassette(library):
    tool = {"type": "function", "function": {"name": "t", "description": f"uses {SK}"}}
    cassette = Cassette.of(
        trial(call(), answers=("my own pass",), user_turns=("hunter2-secret",)),
        [exchange(
            prompt=f"key {SK}, Authorization: Bearer abcdef0123456789abcdef, hunter2-secret",
            tools=[tool], response=body(f"ghp_{'a' * 36} and \"hunter2-secret\""),
        )],
        scrub=["hunter2-secret", ""],
    )
    text = library.save(cassette).read_text()
    for secret in (SK, "abcdef0123456789abcdef", "hunter2", "ghp_", "uthorization\":"):
        assert secret not in text
    assert "Bearer [scrubbed]" in text
    assert "key [scrubbed]" in text


def test_a_secret_that_is_streamed_in_pieces_is_not_in_a_cassette():
    def event(text: str) -> str:
        return f'data: {json.dumps({"choices": [{"delta": {"content": text}}]})}\n\n'

    pieces = ["The key is ", SK[:9], SK[9:20], SK[20:], " indeed."]
    response = "".join(map(event, pieces)) + "data: [DONE]\n\n"
    made = Cassette.of(trial(call(stream=True)), [exchange(response=response)])
    text = made.calls[0].body_text()
    assert SK[9:20] not in text
    assert "The key is [scrubbed] indeed." in text
    assert text.endswith("data: [DONE]\n\n")


def test_names_that_only_resemble_keys_are_left_alone():
    words = "task-management-system-of-the-year, desk-0123456789abcdef, Bearer bonds"
    assert words in one(prompt=words).text()


def test_injected_faults_are_not_recorded_as_what_a_provider_said():
    fault = Fault(agent="solo", started_s=0, ended_s=0, channel="model", ordinal=0, fault="x")
    with pytest.raises(UsageError, match="had injected faults"):
        Cassette.of(trial(call(), fault), [exchange()])


def test_errors_of_a_provider_are_recorded_and_those_of_the_bench_are_left_out():
    def tried(ordinal: int, status: int | None) -> ModelTry:
        return ModelTry(
            agent="solo", started_s=ordinal, ended_s=ordinal, ordinal=ordinal, attempt=1,
            provider="openai", model="m", status=status, error="lost", decision="give_up",
        )

    events = [
        call(0, status=429, error="slow down"), tried(0, 429),
        call(1, status=502, error="the connection was lost"), tried(1, None),
        call(2, status=499, error="the client hung up"),
        call(3, status=400, error="limit of 3 model calls reached"),
    ]
    made = Cassette.of(
        trial(*events, outcome=Outcome.LIMIT, reason="limit of 3 model calls reached"),
        [exchange(n, response="{}") for n in range(4)],
    )
    assert [(c.ordinal, c.status) for c in made.calls] == [(0, 429)]
    assert [line.partition(": ")[0] for line in made.head.left_out] == [
        "call 2 of solo", "call 3 of solo", "call 4 of solo"]


def test_a_trial_without_one_answer_cannot_be_recorded():
    with pytest.raises(UsageError, match="has nothing to record") as caught:
        Cassette.of(trial(call(status=499, error="the client hung up")), [exchange()])
    assert caught.value.hint == "agentdyno show 0123456789"


def test_new_ids_of_tool_calls_are_no_difference_between_two_recordings():
    def recorded(ident: str, page: int) -> Cassette:
        made = [{"id": ident, "type": "function",
                 "function": {"name": "look", "arguments": f'{{"page":{page}}}'}}]
        message = {"role": "assistant", "content": None, "tool_calls": made}
        return one(response=json.dumps({"choices": [{"index": 0, "message": message}]}))

    names = ("A", "B")
    assert cassette_difference(recorded("call_1", 3), recorded("call_2", 3), names) == []
    lines = cassette_difference(recorded("call_1", 3), recorded("call_2", 4), names)
    assert '  -[calls] look {"page":3}' in lines
