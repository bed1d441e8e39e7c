"""Imported conversations replay on every runner, or the runner declares what it cannot express."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.event import ToolCall
from agentdyno.core.sink import Sink
from agentdyno.core.trial import Assignment, Outcome, Setting, Trial, TrialKey, Verdict
from agentdyno.evals.checks import evaluate
from agentdyno.experiments.request import load_scripted
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.scenarios.importing import Imported, import_files
from agentdyno.tests.contract import recordings
from agentdyno.tests.contract.lab import Lab

TRANSCRIPTS = Path(__file__).parents[3] / "shared" / "data" / "transcripts"
_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One trial of an imported scenario."""

    trial: Trial
    verdicts: dict[str, Verdict]
    requests: list[dict[str, Any]]

    @property
    def declared(self) -> dict[str, Setting]:
        """Rows of the manifest in which a framework deviates."""
        rows = self.trial.report.parity
        return {row.name: row for row in rows if row.requested != row.effective}


async def replay(lab: Lab, made: Imported) -> Replay:
    """Run an imported scenario as `agentdyno run` would."""
    loaded, script = load_scripted(str(made.folder))
    scenario = loaded.scenario
    number = next(_numbers)
    sink = Sink(trial_id=f"import{number}", token=f"secret-{number}", limits=scenario.limits)
    lab.bench.models.open(sink, loaded.agents, ScriptedUpstream(script, 0))
    await lab.bench.tools.open(sink, loaded.agents, scenario.mcpServers, loaded.folder)
    assignment = Assignment(
        trial_id=sink.trial_id, token=sink.token, user_turns=loaded.user_turns,
        agents=loaded.agents, pattern=scenario.pattern, limits=scenario.limits,
        endpoints={spec.name: lab.bench.endpoint(sink.trial_id, spec) for spec in loaded.agents},
    )
    try:
        report = await lab.pool.run(assignment, lambda event: None)
    finally:
        lab.bench.models.close(sink.trial_id)
        end_state = await lab.bench.tools.close(sink.trial_id)
    outcome, reason = sink.stop or (
        (Outcome.COMPLETED, "") if report.ended == "returned"
        else (Outcome.AGENT_FAULT, f"{report.error_type}: {report.error}")
    )
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    trial = Trial(
        id=sink.trial_id, key=key, outcome=outcome, reason=reason, end_state=end_state,
        answers=report.answer.texts if report.answer else (), user_turns=loaded.user_turns,
        agents=loaded.agents, started_at="2026-01-01T00:00:00Z", duration_s=1,
        events=tuple(sink.events), report=report,
    )
    verdicts = evaluate(trial, scenario.checks, loaded.folder)
    return Replay(
        trial=trial, verdicts={verdict.check: verdict for verdict in verdicts},
        requests=[json.loads(wire.request) for wire in sink.wire if wire.channel == "model"],
    )


def imported(folder: Path, messages: Sequence[Any], **keys: Any) -> Imported:
    """Import one conversation."""
    file = folder / "talk.json"
    file.write_text(json.dumps({"messages": messages, **keys}))
    (made,) = import_files([file], folder / "to").scenarios
    return made


def calls_of(trial: Trial) -> list[tuple[str, Any]]:
    """Return tool and arguments of each call, in the order of their starts."""
    made = [event for event in trial.events if isinstance(event, ToolCall)]
    return [(c.tool, c.arguments) for c in sorted(made, key=lambda call: call.started_s)]


def assert_same(run: Replay) -> None:
    """Every verdict passes; a failure shows the first reason."""
    assert run.trial.outcome is Outcome.COMPLETED, run.trial.reason
    assert {v.check: v.reason for v in run.verdicts.values() if v.status != "pass"} == {}


@pytest.mark.requirement("runner:tool:exact-arguments")
async def test_a_recorded_conversation_repeats_call_by_call_and_word_by_word(
    lab: Lab, tmp_path: Path
) -> None:
    made = imported(tmp_path, recordings.EVERYTHING)
    run = await replay(lab, made)
    assert_same(run)
    recorded = [(call.tool, call.arguments) for call in made.conversation.calls]
    assert len(recorded) == len(calls_of(run.trial)) == 7
    for call in recorded:
        assert call in calls_of(run.trial)
    assert calls_of(run.trial)[:2] == recorded[:2]
    assert calls_of(run.trial)[5:] == recorded[5:]
    assert run.trial.answers[1] == "  Both are done.\n\n| a | b |\n|---|---|\n"
    assert run.trial.end_state == {"recorded": {"unused": []}}


def _shown(request: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts of a chat request's messages, by role."""
    texts: dict[str, list[str]] = {"system": [], "user": [], "assistant": []}
    for message in request["messages"]:
        if message["role"] in texts:
            texts[message["role"]].append(message.get("content") or "")
    return texts


@pytest.mark.requirement("runner:parity:manifest")
async def test_what_a_framework_changes_of_the_messages_is_declared(
    lab: Lab, tmp_path: Path
) -> None:
    run = await replay(lab, imported(tmp_path, recordings.EVERYTHING))
    shown = _shown(run.requests[-1])
    beside = {"Let me look that up for you.", "And once more.", "One moment."}
    kept = beside <= set(shown["assistant"])
    assert kept == ("text_beside_calls" not in run.declared)
    row = run.declared.get("text_beside_calls")
    assert (row is None) or row.note in run.verdicts["same_tool_calls"].reason
    exact = (
        shown["system"] == [recordings.SYSTEM["content"]]
        and shown["user"] == list(run.trial.user_turns)
        and "  Both are done.\n\n| a | b |\n|---|---|\n" in shown["assistant"]
    )
    assert exact == ("message_texts" not in run.declared)


@pytest.mark.requirement("runner:answer:one-per-turn")
async def test_many_user_turns_keep_their_numbers(lab: Lab, tmp_path: Path) -> None:
    run = await replay(lab, imported(tmp_path, recordings.MANY_TURNS))
    assert_same(run)
    assert len(run.trial.answers) == 24


@pytest.mark.requirement("runner:parity:manifest")
@pytest.mark.parametrize(
    ("messages", "row"),
    [(recordings.EMPTY_ANSWER, "empty_answers"), (recordings.SEVEN_EQUAL_CALLS, "repeated_calls")],
    ids=["empty_answers", "repeated_calls"],
)
async def test_what_ends_or_changes_a_replay_is_declared_and_no_pass(
    lab: Lab, tmp_path: Path, messages: list[Any], row: str
) -> None:
    run = await replay(lab, imported(tmp_path, messages))
    same = all(verdict.status == "pass" for verdict in run.verdicts.values())
    assert same == (row not in run.declared), run.verdicts
    if not same and run.trial.outcome is Outcome.COMPLETED:
        assert run.declared[row].note in run.verdicts["same_answers"].reason


@pytest.mark.requirement("runner:tool:error-reaches-model")
async def test_without_recorded_results_every_call_is_made_and_told_so(
    lab: Lab, tmp_path: Path
) -> None:
    run = await replay(lab, imported(tmp_path, recordings.NO_RESULTS))
    assert_same(run)
    (call,) = [event for event in run.trial.events if isinstance(event, ToolCall)]
    assert call.is_error
    assert "no result of it" in call.result_text


@pytest.mark.requirement("runner:tool:exact-arguments")
async def test_a_schema_that_was_given_changes_no_argument(lab: Lab, tmp_path: Path) -> None:
    properties = {"text": {"type": "string"}, "n": {"type": "integer", "default": 5},
                  "unit": {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": ["text"]}
    function = {"name": "order", "description": "Orders.", "parameters": schema}
    run = await replay(lab, imported(
        tmp_path, recordings.EVERYTHING, tools=[{"type": "function", "function": function}]
    ))
    assert_same(run)


@pytest.mark.skipif(not TRANSCRIPTS.is_dir(), reason="shared/data/transcripts is not here: real "
                    "recordings are no part of the repository")
@pytest.mark.requirement("runner:tool:exact-arguments")
async def test_real_recordings_replay_as_they_were(lab: Lab, tmp_path: Path) -> None:
    made = import_files(sorted(TRANSCRIPTS.glob("*.json")), tmp_path).scenarios
    assert len(made) == 12
    for each in made:
        run = await replay(lab, each)
        assert_same(run)
        recorded = [(call.tool, call.arguments) for call in each.conversation.calls]
        assert calls_of(run.trial) == recorded
