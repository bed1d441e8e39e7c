"""The comparison table and a trial's tree: what they tell, and when."""

import io
import json
from typing import Any

from rich.console import Console

from agentdyno.cli.jsonreport import report_json
from agentdyno.cli.table import print_comparison
from agentdyno.cli.tree import trial_tree
from agentdyno.core.event import BudgetStep, Fault, ModelCall, ModelTry, TokenCount
from agentdyno.core.pattern import Supervisor
from agentdyno.core.trial import Trial, Usage
from agentdyno.experiments.plan import NotSupported
from agentdyno.experiments.session import Report
from agentdyno.experiments.summary import summarize
from agentdyno.tests.experiments.trials import model_call, sealed

EQUAL = Usage(requests=1, prompt_tokens=100, completion_tokens=10)
OFF = Usage(requests=2, prompt_tokens=112, completion_tokens=10)


def call(**more: Any) -> ModelCall:
    count = TokenCount(prompt=100, completion=10)
    return model_call(100).model_copy(update={"usage_sent": count, **more})


def trial(*events: Any, runner: str = "crewai", usage: Usage | None = EQUAL, **key: Any) -> Trial:
    made = sealed(runner, events=events or (call(),))
    return made.model_copy(update={
        "usage_reported": usage, "key": made.key.model_copy(update=key),
        "report": made.report.model_copy(update={"cold": False}),
    })


def printed(*trials: Trial, width: int = 200, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None,
                      highlight=False)
    print_comparison(console, summarize(trials))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def tree(one: Trial) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None, highlight=False)
    console.print(trial_tree(one))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


LIVE = {"source": "live", "provider": "openai", "provider_model": "gpt-x"}


def test_a_plain_run_has_no_column_that_says_nothing() -> None:
    text = printed(trial())
    for head in ("cost", "token ms", "gap", "retries ", "swallowed", "meter ", "under", "user:"):
        assert head not in text.split("CPU and memory")[0].split("uniform)")[1]
    assert "equals what the wire told it" in text


def test_the_retry_profile_and_the_model_stand_in_the_title() -> None:
    assert "(model scripted, retries uniform)" in printed(trial())
    text = printed(trial(retries="as-shipped", faults="storm:0a1b", stream=True))
    assert "retries as-shipped, faults storm:0a1b, streamed" in text


def test_rows_under_several_conditions_say_which() -> None:
    text = printed(trial(), trial(retries="as-shipped"), trial(faults="storm:0a1b"))
    assert "under" in text
    assert "retries uniform, no faults" in text
    assert "retries as-shipped, no faults" in text
    assert "retries uniform, faults storm:0a1b" in text


def test_a_meter_mismatch_is_a_column_with_its_size() -> None:
    text = printed(trial(usage=OFF), trial(runner="silent", usage=Usage()),
                   trial(runner="honest"))
    assert "+1 calls, +12 tokens" in text
    assert "not reported" in text
    assert "✓" in text
    assert "any difference is a meter_mismatch" in text


def test_cost_is_a_column_and_unknown_where_a_price_is() -> None:
    text = printed(trial(call(**LIVE, cost_usd=0.0123)),
                   trial(call(**LIVE), runner="dear"))
    assert "0.012" in text
    assert "unknown" in text
    assert "the price table does not know" in text


def test_times_of_a_recording_are_labelled() -> None:
    streamed = call(**{**LIVE, "source": "recorded"}, stream=True, first_token_s=0.25,
                    gaps_ms=(10.0, 20.0))
    text = printed(trial(streamed, stream=True, model="replay"))
    assert "250ʳ" in text
    assert "times of the recording" in text
    assert "250ʳ" not in printed(trial(streamed.model_copy(update={"source": "live"}),
                                       stream=True))


def test_gateway_retries_and_swallowed_streams_are_columns_with_a_legend() -> None:
    again = ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=0, attempt=1,
                     provider="openai", model="m", status=429, decision="retry", wait_s=1.5)
    text = printed(trial(again, call(truncated=True)))
    assert "swallowed" in text
    assert "attempts of the gateway's own policy" in text


def test_a_narrow_terminal_gets_two_halves_and_nothing_is_cut_off() -> None:
    text = printed(trial(usage=OFF), width=90, terminal=True)
    assert all(len(line.rstrip()) <= 90 for line in text.splitlines()), text
    assert text.count("crewai 1") == 2
    assert "+1 calls, +12 tokens" in text


def test_the_json_report_tells_what_the_table_tells() -> None:
    trials = [trial(call(**LIVE), usage=OFF, retries="as-shipped")]
    report = json.loads(report_json(Report(), summarize(trials), trials))
    (row,), (one,) = report["rows"], report["trials"]
    assert row["condition"]["retries"] == "as-shipped"
    assert (row["meter"], row["cost_usd"]) == ("mismatch", "unknown")
    assert row["meter_difference"]["prompt_tokens"] == 12
    assert one["meter"] == {
        "requests": 1, "prompt_tokens": 12, "completion_tokens": 0, "untold": 0, "mismatch": True,
    }
    assert one["cost_usd"] == "unknown"


def test_the_tree_tells_tries_faults_budgets_streams_cost_and_the_meter() -> None:
    events = (
        Fault(agent="solo", started_s=0, ended_s=0, channel="model", ordinal=0, fault="http_429"),
        ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=0, attempt=1, provider="openai",
                 model="gpt-x", status=429, error="slow down", decision="retry", wait_s=1.5),
        call(**LIVE, cost_usd=0.0123, stream=True, first_token_s=0.25, gaps_ms=(10.0, 20.0)),
        BudgetStep(agent="", started_s=0, ended_s=0, scope="trial", measure="calls", spent=7,
                   limit=10, step="warned"),
    )
    text = tree(trial(*events, usage=OFF))
    for words in (
        "fault http_429 injected into model call 0",
        "try   1 of call 0 at openai:gpt-x: HTTP 429 slow down: tries again after 1.5 s",
        "live openai:gpt-x", "0.012 USD", "first token 250 ms gaps p50 15.0 p95 19.5 ms",
        "budget of the trial: 7 of 10 calls (70 %): warned",
        "meter_mismatch, it reports +1 requests, +12 prompt tokens", "cost: 0.012 USD",
    ):
        assert words in text, words


def test_the_tree_says_that_times_are_recorded_and_what_was_swallowed() -> None:
    text = tree(trial(call(source="recorded", stream=True, first_token_s=0.2, gaps_ms=(5.0,),
                           truncated=True)))
    assert "(recorded)" in text
    assert "the framework took it for whole" in text
    assert "reports the same" in text


def test_an_unsupported_cell_is_not_applicable_and_says_why() -> None:
    cell = NotSupported(scenario="s", runner="other", version="2", why="no such construct")
    console = Console(file=io.StringIO(), width=200, color_system=None, highlight=False)
    print_comparison(console, summarize([trial()], [cell]))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    line = next(line for line in text.splitlines() if line.split()[:2] == ["other", "2"])
    assert line.count("n/a") == 2
    assert "n/a: other 2 does not run s: no such construct." in text


def test_coordination_is_a_column_where_somebody_coordinates() -> None:
    pattern = Supervisor(manager="boss", workers=("solo",))
    boss = call(agent="boss")
    led = trial(boss, call()).model_copy(update={"pattern": pattern})
    assert "110 (50 %)" in printed(led)
    assert "coordi" not in printed(trial())


def test_where_nothing_scatters_no_interval_is_printed_and_that_is_said() -> None:
    same = [
        trial().model_copy(update={"id": str(at), "wire_digest": "x"}) for at in range(2)
    ]
    shown = printed(*same)
    assert "2/2 exact" in shown
    assert "[0.34, 1.00]" not in shown
    assert "nothing scatters, so there is no interval" in shown
