"""Judges of whole trials on the real bench: scripted, live, recorded, replayed, budgeted."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.judged import JUDGE
from agentdyno.core.model import ModelChoice
from agentdyno.core.settings import Budget, RunOptions, Settings
from agentdyno.core.sink import Sink
from agentdyno.core.trial import Outcome, Trial
from agentdyno.evals.checks import evaluate
from agentdyno.evals.judges import library
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.execute import Executor
from agentdyno.experiments.judging import open_judging
from agentdyno.experiments.measured import measure
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.request import read_request, script_of
from agentdyno.experiments.sources import Sources
from agentdyno.memory.server import MemoryServer
from agentdyno.models.budget import Budgets
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.providers import Providers, read_providers
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.scenarios.loader import load_scenario
from agentdyno.store.rows import decode, to_json
from agentdyno.tests.scenarios.benched import LeanHost, lean_bench, planned
from agentdyno.tools.gateway import ToolGateway

pytest.importorskip("deepeval", reason="the extra deepeval is not installed")

KEY = "sk-of-the-provider-0123456789"
SCENARIO = """\
name: priced
title: One price
user: [What does MSFT cost?]
agents:
  solo: {role: clerk, goal: tell prices, instructions: Be brief.}
pattern: {type: single, agent: solo}
limits: {max_model_calls: 1}
script: script.yaml
checks:
- {id: says, type: contains, text: "410"}
- {id: right, type: judge, metric: GEval, steps: [Look for the price.], threshold: 0.6}
- {id: done, type: judge, metric: TaskCompletion, threshold: 0.9}
"""
SCRIPT = """\
agents:
  solo: [{say: It costs 410 dollars.}]
  judge:
  - {when: "'Look for the price.' in user", say: '{"score": 7, "reason": "it is there"}'}
  - {when: "'\\"outcome\\"' in user", say: '{"task": "a price", "outcome": "a price"}'}
  - say: 'I think: {"verdict": 0.8, "reason": "no source"}'
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "priced"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(SCENARIO)
    (folder / "script.yaml").write_text(SCRIPT)
    return folder


def plan(folder: Path, *edits: tuple[str, str], script: tuple[str, str] | None = None) -> Any:
    text = SCENARIO
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    (folder / "scenario.yaml").write_text(text)
    if script:
        assert script[0] in SCRIPT
        (folder / "script.yaml").write_text(SCRIPT.replace(*script))
    return planned(folder)


async def play(
    bench: Bench, trial: PlannedTrial, sources: Sources | None = None
) -> tuple[Trial, Sequence[WireRecord]]:
    executor = Executor(
        bench=bench, memory=MemoryServer(None),  # type: ignore[arg-type]
        sources=sources or Sources(options=RunOptions(scenarios=(), runners=())),
    )
    return await executor.run(trial, LeanHost("all"))


def statuses(trial: Trial) -> dict[str, str]:
    return {v.check: v.status for v in trial.verdicts if not v.check.startswith("conformance/")}


async def test_judges_are_asked_once_the_trial_is_over_and_counted_apart(folder: Path) -> None:
    async with lean_bench() as bench:
        trial, wire = await play(bench, plan(folder))
    assert statuses(trial) == {"says": "pass", "right": "pass", "done": "fail"}
    right, done = (v.judged for v in trial.verdicts if v.judged)
    assert (right.score, right.calls, right.model) == (0.7, 1, "scripted")
    assert (done.score, done.calls) == (0.8, 2)
    assert trial.outcome is Outcome.COMPLETED, "max_model_calls is the team's"
    calls = [event for event in trial.judging if isinstance(event, ModelCall)]
    assert [(call.agent, call.status, call.ordinal) for call in calls] == [
        (JUDGE, 200, 0), (JUDGE, 200, 1), (JUDGE, 200, 2),
    ]
    assert all(event.agent != JUDGE for event in trial.events)
    assert measure(trial).model_calls == 1
    assert [record.channel for record in wire] == ["model", "judge", "judge", "judge"]
    assert [record.seq for record in wire] == [0, 1, 2, 3]


async def test_what_was_judged_is_stored_and_graded_again_without_the_judge(folder: Path) -> None:
    async with lean_bench() as bench:
        trial, _ = await play(bench, plan(folder))
    body, events = to_json(trial, exclude={"events"}), "[]"
    stored = decode(body, events)
    assert stored.judging == trial.judging
    scenario = load_scenario(folder)
    again = evaluate(stored, scenario.scenario.checks, folder)
    assert again == trial.verdicts[:len(again)]


async def test_judging_changes_nothing_of_what_the_team_sent(folder: Path) -> None:
    without = ("- {id: right", "- {id: right_too, type: regex, pattern: x}\n- {id: right")
    async with lean_bench() as bench:
        judged, _ = await play(bench, plan(folder))
        again, _ = await play(bench, plan(folder, without))
    assert judged.wire_digest == again.wire_digest


async def test_a_judge_without_a_rule_or_who_answers_garbage_spoils_his_verdict_alone(
    folder: Path
) -> None:
    async with lean_bench() as bench:
        silent, _ = await play(bench, plan(folder, script=(
            "  - say: 'I think: {\"verdict\": 0.8, \"reason\": \"no source\"}'\n", "")))
        babbling, _ = await play(bench, plan(folder, script=(
            '{"score": 7, "reason": "it is there"}', 'Splendid!')))
    assert silent.outcome is babbling.outcome is Outcome.COMPLETED
    assert statuses(silent) == {"says": "pass", "right": "pass", "done": "error"}
    assert "add or change a rule" in silent.verdicts[2].reason or (
        "has no rule" in silent.verdicts[2].reason)
    assert statuses(babbling) == {"says": "pass", "right": "error", "done": "fail"}
    judged = babbling.verdicts[1].judged
    assert judged is not None
    assert (judged.score, judged.calls, judged.retries) == (None, 2, 1)
    assert len([e for e in babbling.judging if isinstance(e, ModelCall)]) == 4


async def test_a_failed_trial_is_not_shown_to_a_judge(folder: Path) -> None:
    async with lean_bench() as bench:
        trial, _ = await play(bench, plan(folder, script=(
            "solo: [{say: It costs 410 dollars.}]",
            "solo: [{http_error: {status: 500, message: out}}]")))
    assert trial.outcome is Outcome.AGENT_FAULT
    assert statuses(trial) == {"says": "fail", "right": "fail", "done": "fail"}
    assert trial.judging == ()


class Live:
    """A provider behind HTTP, and runs that ask it."""

    def __init__(self, base: str, sink: Sink, bench: Bench, cassettes: Path) -> None:
        self.base, self.sink, self.bench, self.cassettes = base, sink, bench, cassettes

    @property
    def asked(self) -> int:
        return self.sink.calls("model")

    def planned(self, folder: Path) -> PlannedTrial:
        choices = {
            name: ModelChoice(
                model="openai:gpt-4o", base_url=f"{self.base}/t/provider/{name}/v1",
                key_env="OPENAI_API_KEY",
            )
            for name in ("solo", JUDGE)
        }
        return replace(plan(folder), script=None, choices=choices)

    async def play(
        self, folder: Path, model: Any, budgets: Budgets | None = None
    ) -> tuple[Trial, Sequence[WireRecord], Sources]:
        options = RunOptions(scenarios=(), runners=(), model=model, cassettes=self.cassettes)
        catalogue = read_providers(None, None, {"OPENAI_API_KEY": KEY})
        async with Providers(catalogue) as providers:
            sources = Sources(
                options=options, budgets=budgets, secrets=(KEY,),
                providers=None if model == "replay" else providers,
            )
            trial, wire = await play(self.bench, self.planned(folder), sources)
        return trial, wire, sources


@pytest.fixture
async def live(folder: Path, tmp_path: Path) -> AsyncIterator[Live]:
    loaded = load_scenario(folder)
    provider, sink = ModelGateway(), Sink(trial_id="provider", token=KEY)
    provider.open(sink, loaded.asked, ScriptedUpstream(script_of(loaded), 0))
    async with open_bench(provider, ToolGateway()) as behind, lean_bench() as bench:
        yield Live(behind.address, sink, bench, tmp_path / "cassettes")


async def test_a_live_judge_costs_apart_and_within_the_runs_budget(
    live: Live, folder: Path
) -> None:
    budgets = Budgets(Budget(calls=4), Budget(), None, None)
    trial, *_ = await live.play(folder, "live", budgets)
    assert statuses(trial) == {"says": "pass", "right": "pass", "done": "fail"}
    judged = trial.verdicts[1].judged
    assert judged is not None
    assert judged.model.startswith("openai:")
    seen = measure(trial)
    assert (seen.model_calls, seen.judge_calls) == (1, 3)
    assert seen.cost_usd is not None
    assert seen.judge_cost_usd is not None
    assert seen.judge_cost_usd > seen.cost_usd > 0
    assert seen.judge_tokens > seen.prompt_tokens
    assert budgets.matrix.spent.calls == 4
    trial, *_ = await live.play(folder, "live", Budgets(Budget(calls=2), Budget(), None, None))
    assert trial.outcome is Outcome.COMPLETED
    assert statuses(trial) == {"says": "pass", "right": "pass", "done": "error"}
    assert "2 calls" in trial.verdicts[2].reason or "budget" in trial.verdicts[2].reason


async def test_a_recorded_judge_replays_without_anybody_and_says_the_same(
    live: Live, folder: Path
) -> None:
    recorded, wire, sources = await live.play(folder, "record")
    assert sources.keep(recorded, wire) is None
    asked = live.asked
    replayed, *_ = await live.play(folder, "replay")
    assert live.asked == asked
    assert [(v.check, v.status, v.judged) for v in replayed.verdicts] == [
        (v.check, v.status, v.judged) for v in recorded.verdicts
    ]
    assert {e.source for e in replayed.judging if isinstance(e, ModelCall)} == {"recorded"}
    assert replayed.notes == ()
    text = "".join(path.read_text() for path in live.cassettes.rglob("*.yaml"))
    assert KEY not in text


async def test_another_criterion_is_not_on_the_cassette_and_is_an_error(
    live: Live, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, wire, sources = await live.play(folder, "record")
    sources.keep(recorded, wire)
    monkeypatch.setitem(globals(), "SCENARIO", SCENARIO.replace("Look for", "Hunt for"))
    replayed, *_ = await live.play(folder, "replay")
    assert replayed.outcome is Outcome.COMPLETED
    assert statuses(replayed)["right"] == "error"
    assert "recorded" in replayed.verdicts[1].reason


async def test_a_provider_that_is_away_is_an_error_of_the_judge(live: Live, folder: Path) -> None:
    live.sink.end(Outcome.HARNESS_FAULT, "switched off")
    trial_plan = plan(folder)
    async with open_judging(live.bench, Sources(
        options=RunOptions(scenarios=(), runners=())), trial_plan) as judging:
        judging.sink.end(Outcome.LIMIT, "the budget is spent")
        check = trial_plan.scenario.scenario.checks[1]
        from agentdyno.evals.judges.material import Material
        found = await judging.judged(check, Material(input="i", output="o"))
    assert found.score is None
    assert "the budget is spent" in found.reason


async def test_a_run_with_judges_says_beforehand_what_is_missing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise UsageError("checks of type judge need DeepEval.", library.INSTALL)

    monkeypatch.setattr(library, "version", missing)
    options = RunOptions(scenarios=(str(folder),), runners=())
    with pytest.raises(UsageError, match="need DeepEval"):
        await read_request(Settings(cache=tmp_path), options)


def test_a_scenario_has_one_judge_and_no_agent_of_his_name(folder: Path) -> None:
    assert load_scenario(folder).judge is not None
    text = SCENARIO.replace("metric: TaskCompletion", "metric: TaskCompletion, model: openai:x")
    (folder / "scenario.yaml").write_text(text)
    with pytest.raises(InputError, match="share a model"):
        load_scenario(folder)
    (folder / "scenario.yaml").write_text(SCENARIO.replace("solo", "judge"))
    with pytest.raises(InputError, match="name of the judge"):
        load_scenario(folder)
