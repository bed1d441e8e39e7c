"""Judges as a metric sees them: what they are shown, what counts as an answer, what is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from agentdyno.core.errors import UsageError
from agentdyno.core.judged import Judged
from agentdyno.core.trial import Outcome, Verdict
from agentdyno.evals.checks import evaluate
from agentdyno.evals.judges import library
from agentdyno.evals.judges.grade import graded
from agentdyno.evals.judges.material import material
from agentdyno.evals.judges.measure import measure
from agentdyno.tests.evals.judgeplays import Scripted, judge_check, trial

pytest.importorskip("deepeval", reason="the extra deepeval is not installed")

EVERYTHING: Mapping[str, Any] = {
    "task": "price MSFT", "outcome": "priced", "verdict": 0.8, "reason": "the price is there",
    "plan": ["quote", "sum"], "steps": ["compare"], "statements": ["410"], "truths": ["410"],
    "claims": ["410"], "verdicts": [{"verdict": "yes", "reason": "so", "statement": "410"}],
}
METRICS = [
    ("GEval", {"criteria": "Is the price right?"}, 7, 0.7, 2),
    ("GEval", {"steps": ["Look for the price."]}, 7, 0.7, 1),
    ("TaskCompletion", {}, 0.7, 0.8, 2),
    ("ArgumentCorrectness", {}, 0.7, 1.0, 2),
    ("StepEfficiency", {}, 0.7, 0.7, 2),
    ("PlanQuality", {}, 0.7, 0.7, 3),
    ("PlanAdherence", {}, 0.7, 0.7, 3),
    ("AnswerRelevancy", {}, 0.7, 1.0, 3),
    ("Faithfulness", {}, 0.7, 1.0, 4),
    ("ContextualPrecision", {"expected": "410"}, 0.7, 1.0, 2),
    ("ContextualRecall", {"expected": "410"}, 0.7, 1.0, 2),
    ("ContextualRelevancy", {}, 0.7, 1.0, 2),
]


async def ask(judge: Scripted, metric: str = "GEval", **more: Any) -> Judged:
    if metric == "GEval":
        more = {"steps": ["Look for the price."], **more}
    check = judge_check(metric, **more)
    return await measure(check, material(trial(), check), judge)


@pytest.mark.parametrize(
    ("metric", "more", "said", "score", "calls"), METRICS,
    ids=[f"{metric}-{'-'.join(more)}" for metric, more, *_ in METRICS],
)
async def test_each_metric_measures_a_trial_and_tells_what_it_took(
    metric: str, more: dict[str, Any], said: float, score: float, calls: int
) -> None:
    judge = Scripted({"": {**EVERYTHING, "score": said}})
    check = judge_check(metric, **more)
    found = await measure(check, material(trial(), check), judge)
    assert found.score == pytest.approx(score)
    assert (found.metric, found.library, found.version) == (metric, "deepeval", library.version())
    assert (found.calls, found.retries, len(judge.chats)) == (calls, 0, calls)
    assert found.reason


@pytest.mark.parametrize("metric", ["StepEfficiency", "PlanQuality", "PlanAdherence",
                                    "TaskCompletion"])
async def test_metrics_of_the_way_are_shown_the_trace_of_the_trial(metric: str) -> None:
    judge = Scripted({"": {**EVERYTHING, "score": 1}})
    await ask(judge, metric)
    shown = "".join(chat[0]["content"] for chat in judge.chats)
    assert "market.get_quote" in shown
    assert "First the quote, then the sum." in shown


async def test_a_judge_is_shown_question_answer_tools_and_retrieved_text_as_asked() -> None:
    judge = Scripted({"": {"score": 10, "reason": "r"}})
    await ask(judge, consider=["input", "output", "tools", "context"])
    [[message]] = judge.chats
    for text in ("What does MSFT cost?", "It costs 410 dollars.", "market.get_quote", "MSFT",
                 '{"close": 410}', "Look for the price."):
        assert text in message["content"].replace('\\"', '"')


async def test_a_later_turn_is_shown_with_the_conversation_before_it() -> None:
    talk = trial(user_turns=("What does it cost?", "And tomorrow?"), answers=("410", "Unknown"))
    shown = material(talk, judge_check())
    assert shown.input == "User: What does it cost?\n\nAssistant: 410\n\nUser: And tomorrow?"
    assert shown.output == "Unknown"
    assert material(talk, judge_check(turn=1)).input == "What does it cost?"


async def test_only_results_of_the_named_tools_are_context() -> None:
    assert material(trial(), judge_check("Faithfulness")).context == ('{"close": 410}',)
    other = judge_check("Faithfulness", context_tools=["docs.read"])
    assert material(trial(), other).context == ()
    given = judge_check("Faithfulness", context=["MSFT closed at 410."])
    assert material(trial(), given).context == ("MSFT closed at 410.",)


async def test_each_sample_is_a_measurement_of_its_own_and_their_mean_counts() -> None:
    judge = Scripted({}, *({"score": score, "reason": f"said {score}"} for score in (2, 9, 7)))
    found = await ask(judge, samples=3)
    assert found.scores == pytest.approx((0.2, 0.9, 0.7))
    assert found.score == pytest.approx(0.6)
    assert found.reason == "said 2"


async def test_garbage_is_told_to_the_judge_and_asked_about_once_more() -> None:
    judge = Scripted({}, "I would say it is fine.", {"score": 8, "reason": "fine"})
    found = await ask(judge)
    assert (found.score, found.calls, found.retries) == (0.8, 2, 1)
    first, second = judge.chats
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == "I would say it is fine."
    assert "no JSON object" in second[2]["content"]
    assert '"score"' in second[2]["content"]
    assert list(first) == list(second[:1])


@pytest.mark.parametrize(
    "garbage",
    ["No idea.", "", '{"score": ', '{"score": "high", "reason": "r"}', '{"reason": "r"}', "[1, 2]",
     '{"score": 4000, "reason": "r"}', '{"score": -3, "reason": "r"}',
     '{"score": NaN, "reason": "r"}', '{"score": Infinity, "reason": "r"}'],
)
async def test_garbage_twice_is_an_error_whose_calls_are_counted(garbage: str) -> None:
    found = await ask(Scripted({"": garbage}))
    assert found.score is None
    assert (found.calls, found.retries) == (2, 1)
    assert "garbage twice" in found.reason
    assert graded(judge_check(), found).status == "error"


async def test_a_measurement_has_one_retry_however_many_calls_it_makes() -> None:
    found = await ask(Scripted({}, "?", EVERYTHING, "?", "never asked"), "TaskCompletion")
    assert found.score is None
    assert (found.calls, found.retries) == (3, 1)


@pytest.mark.parametrize(
    "text", ['```json\n{"score": 7, "reason": "r"}\n```', 'Well: {"score": 7, "reason": "r"}.'],
)
async def test_json_in_a_fence_or_in_words_is_no_garbage(text: str) -> None:
    assert (await ask(Scripted({}, text))).score == 0.7


async def test_nothing_to_judge_is_inconclusive_and_costs_nothing_where_that_is_known() -> None:
    silent = Scripted({})
    bare = trial(events=())
    for metric in ("ArgumentCorrectness", "Faithfulness", "ContextualRelevancy"):
        check = judge_check(metric)
        found = await measure(check, material(bare, check), silent)
        assert (found.score, found.calls) == (None, 0)
        assert graded(check, found).status == "inconclusive"
    no_plan = Scripted({"": {**EVERYTHING, "plan": [], "score": 1}})
    for metric in ("PlanQuality", "PlanAdherence"):
        found = await ask(no_plan, metric)
        assert graded(judge_check(metric), found).status == "inconclusive"
        assert "no plan" in found.reason


async def test_a_verdict_names_metric_version_model_score_and_threshold() -> None:
    found = await ask(Scripted({}, {"score": 6, "reason": "nearly"}))
    found = found.model_copy(update={"model": "openai:gpt-5-mini"})
    verdict = graded(judge_check("GEval", steps=["x"], threshold=0.7), found)
    assert verdict.status == "fail"
    assert verdict.judged == found.model_copy(update={"threshold": 0.7})
    assert verdict.reason == (
        f"GEval of deepeval {library.version()} by openai:gpt-5-mini: 0.60, asked for 0.70: "
        "“nearly”"
    )


def _said(score: float, **more: Any) -> tuple[Any, Any]:
    check = judge_check("GEval", steps=["x"], **more)
    judged = Judged(metric="GEval", library="deepeval", version="4", model="m", score=score,
                    scores=(score,), question=check.question, kind=check.kind)
    return check, trial(verdicts=(graded(check, judged),))


def test_grading_a_stored_trial_again_asks_nobody_and_takes_a_new_threshold(
    tmp_path: Path
) -> None:
    check, stored = _said(0.6)
    assert [v.status for v in evaluate(stored, [check], tmp_path)] == ["pass"]
    stricter = judge_check("GEval", steps=["x"], threshold=0.9)
    [verdict] = evaluate(stored, [stricter], tmp_path)
    assert verdict.status == "fail"
    said = stored.verdicts[0].judged
    assert said is not None
    assert verdict.judged == said.model_copy(update={"threshold": 0.9})


def test_what_was_said_counts_before_an_error_of_a_later_grading(tmp_path: Path) -> None:
    check, stored = _said(0.6)
    other = judge_check("GEval", steps=["something else"])
    graded_since = evaluate(stored, [other], tmp_path)
    assert graded_since[0].status == "error"
    known = stored.model_copy(update={"verdicts": (*graded_since, *stored.verdicts)})
    assert evaluate(known, [check], tmp_path) == stored.verdicts


def test_what_nobody_was_asked_is_an_error_and_never_a_pass(tmp_path: Path) -> None:
    _, stored = _said(1.0)
    other = judge_check("GEval", steps=["something else"])
    for asked, about in ((other, stored), (judge_check(), trial())):
        [verdict] = evaluate(about, [asked], tmp_path)
        assert (verdict.status, verdict.judged) == ("error", None)
        assert "--fresh" in verdict.reason
    reason = "the cassette is damaged"
    kept = Verdict(check="good", status="error", reason=reason)
    assert evaluate(trial(verdicts=(kept,)), [other], tmp_path) == (kept,)


def test_trials_that_did_not_complete_or_did_not_answer_fail_unseen(tmp_path: Path) -> None:
    crashed = trial(outcome=Outcome.AGENT_FAULT, reason="it crashed")
    [verdict] = evaluate(crashed, [judge_check()], tmp_path)
    assert verdict.status == "fail"
    [verdict] = evaluate(trial(answers=(" ",)), [judge_check()], tmp_path)
    assert verdict.status == "fail"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metric": "GEval"}, "either criteria or steps"),
        ({"metric": "GEval", "criteria": "c", "steps": ["s"]}, "either criteria or steps"),
        ({"metric": "GEval", "criteria": "c", "consider": ["input", "input"]}, "twice"),
        ({"metric": "GEval", "criteria": "c", "consider": ["expected"]}, "give expected"),
        ({"metric": "TaskCompletion", "criteria": "c"}, "only GEval"),
        ({"metric": "ContextualRecall"}, "give expected"),
        ({"metric": "Vibes"}, "GEval"),
        ({"threshold": 1.5}, "less than or equal"),
        ({"samples": 0}, "greater than or equal"),
    ],
)
def test_a_check_that_cannot_be_asked_is_refused_when_it_is_read(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        judge_check(**fields)


def test_another_model_version_or_criterion_is_another_judge() -> None:
    def name(**more: Any) -> str:
        check = judge_check("GEval", **{"criteria": "c", **more})
        return Judged(metric="GEval", library="deepeval", version=more.pop("v", "4"), model="m",
                      question=check.question, kind=check.kind).calibration

    assert name() == name(threshold=0.9, turn=1)
    assert len({name(), name(criteria="d"), name(samples=3), name(consider=["output"])}) == 4


def test_a_missing_or_unfit_library_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    library.version.cache_clear()
    for found, message in (("3.9.6", "3.9.6 is installed"), ("5.0", "5.0 is installed")):
        with monkeypatch.context() as patch:
            patch.setattr(library.metadata, "version", lambda name, found=found: found)
            with pytest.raises(UsageError, match=message) as told:
                library.version()
        assert told.value.hint == library.INSTALL
    with monkeypatch.context() as patch:
        patch.setattr(library.metadata, "version", _missing)
        with pytest.raises(UsageError, match="not installed") as told:
            library.version()
    assert (told.value.exit_code, told.value.hint) == (4, library.INSTALL)


def _missing(name: str) -> str:
    raise library.metadata.PackageNotFoundError(name)


_MEASURED = """
import asyncio, json, socket, sys
sys.path.insert(0, sys.argv[1])
reached = []
connect, resolve = socket.socket.connect, socket.getaddrinfo
def refuse(self, address):
    reached.append(str(address)); raise OSError("no network here")
def lookup(host, *rest, **more):
    reached.append(str(host)); raise OSError("no network here")
socket.socket.connect, socket.getaddrinfo = refuse, lookup
from agentdyno.tests.evals.judgeplays import Scripted, judge_check, trial
from agentdyno.evals.judges.material import material
from agentdyno.evals.judges.measure import measure
check = judge_check("GEval", criteria="Is it right?")
judge = Scripted({"": {"steps": ["s"], "score": 5, "reason": "r"}})
found = asyncio.run(measure(check, material(trial(), check), judge))
print(json.dumps({"score": found.score, "reached": reached}))
"""


def test_a_measurement_connects_to_nobody_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DEEPEVAL_TELEMETRY_OPT_OUT=0\nCONFIDENT_API_KEY=secret\n")
    environ = {**os.environ, "CONFIDENT_API_KEY": "secret", "DEEPEVAL_TELEMETRY_OPT_OUT": "0",
               "HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _MEASURED, str(Path(__file__).parent)], cwd=tmp_path,
        env=environ, capture_output=True, text=True, check=True,
    )
    assert json.loads(done.stdout) == {"score": 0.5, "reached": []}
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_nothing_imports_deepeval_before_a_judge_is_asked() -> None:
    code = (
        "import sys, agentdyno.cli.run, agentdyno.experiments.session, agentdyno.evals.checks\n"
        "sys.exit('deepeval' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
