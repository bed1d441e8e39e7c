"""`run --watch`: streams of several trials, kept readable."""

import io
from types import SimpleNamespace
from typing import Any, cast

from rich.console import Console

from agentdyno.cli.progress import RunView
from agentdyno.cli.watch import WatchPrinter
from agentdyno.core.event import BudgetStep, Fault, ModelTry, ToolCall
from agentdyno.core.sink import Delta, ToolStarted, Watch
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.tests.experiments.trials import model_call, sealed


class Screen:
    """A printer and what it printed."""

    def __init__(self, width: int = 60, *, terminal: bool = False) -> None:
        self.console = Console(file=io.StringIO(), width=width, force_terminal=terminal,
                               color_system="standard" if terminal else None, highlight=False)
        self.printer = WatchPrinter(self.console)

    def watch(self, runner: str = "crewai", **key: Any) -> Watch:
        planned = SimpleNamespace(
            key=sealed(runner).key.model_copy(update=key), runner=SimpleNamespace(label=runner))
        return self.printer.of(cast(PlannedTrial, planned))

    @property
    def lines(self) -> list[str]:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue().splitlines()


def test_text_is_printed_line_by_line_as_it_streams() -> None:
    screen = Screen()
    watch = screen.watch()
    for text in ("The first ", "line.\nThe sec"):
        watch(Delta(agent="solo", text=text))
    assert screen.lines == ["crewai solo │ The first line."]
    watch(Delta(agent="solo", text="ond."))
    watch(model_call(1200))
    assert screen.lines[1:] == [
        "crewai solo │ The second.", "crewai solo │ ✓ model call 0: 1,200 → 10 tokens, 100 ms",
    ]


def test_streams_of_several_trials_and_agents_never_share_a_line() -> None:
    screen = Screen()
    one, other = screen.watch("crewai"), screen.watch("autogen", repeat=1)
    for _ in range(3):
        one(Delta(agent="ann", text="tick "))
        one(Delta(agent="bob", text="tack "))
        other(Delta(agent="ann", text="tock "))
    for watch, agent in ((one, "ann"), (one, "bob"), (other, "ann")):
        watch(Delta(agent=agent, text="\n"))
    assert [line.rstrip() for line in screen.lines] == [
        "crewai ann │ tick tick tick", "crewai bob │ tack tack tack",
        "autogen#1 ann │ tock tock tock",
    ]


def test_a_long_line_is_broken_at_a_space_while_it_streams_on_a_terminal() -> None:
    screen = Screen(40, terminal=True)
    watch = screen.watch()
    for number in range(30):
        watch(Delta(agent="solo", text=f"word{number} "))
    assert len(screen.lines) > 5
    assert "\x1b[" in screen.lines[0]
    plain = Screen(40)
    quiet = plain.watch()
    for number in range(30):
        quiet(Delta(agent="solo", text=f"word{number} "))
    assert plain.lines == []
    quiet(Delta(agent="solo", text="\n"))
    (line,) = plain.lines
    assert line.startswith("crewai solo │ word0 word1")
    assert "\x1b" not in line


def test_tools_start_with_their_arguments_and_end_with_their_result_shortened() -> None:
    screen = Screen(200)
    watch = screen.watch()
    arguments = {"query": "x" * 500}
    watch(ToolStarted(agent="solo", server="docs", tool="search", arguments=arguments))
    watch(ToolCall(agent="solo", started_s=0, ended_s=0.012, ordinal=0, server="docs",
                   tool="search", arguments=arguments, is_error=True, error_kind="timeout",
                   result_text="y" * 500))
    started, ended = screen.lines
    assert started.startswith('crewai solo │ → docs.search {"query": "xxx')
    assert ended.startswith("crewai solo │ ← docs.search in 12 ms: [timeout] yyy")
    assert max(map(len, screen.lines)) < 160


def test_retries_faults_and_budget_steps_are_told_as_they_happen() -> None:
    screen = Screen(200)
    watch = screen.watch(faults="storm:0a1b")
    watch(Fault(agent="solo", started_s=0, ended_s=0, channel="model", ordinal=2,
                fault="http_429", detail="Retry-After 1"))
    for decision, attempt in (("retry", 1), ("answered", 2)):
        watch(ModelTry(agent="solo", started_s=0, ended_s=0, ordinal=2, attempt=attempt,
                       provider="openai", model="m", status=429 if attempt == 1 else 200,
                       decision=cast(Any, decision), wait_s=1.0 if attempt == 1 else 0.0))
    watch(BudgetStep(agent="", started_s=0, ended_s=0, scope="day", measure="cost_usd", spent=0.9,
                     limit=1, step="approved"))
    assert screen.lines == [
        "crewai!storm solo │ fault http_429 injected into model call 2: Retry-After 1",
        "crewai!storm solo │ try   1 of call 2 at openai:m: HTTP 429: tries again after 1 s",
        "crewai!storm solo │ try   2 of call 2 at openai:m: HTTP 200: answered",
        "crewai!storm │ budget of the day: 0.9 of 1 USD (90 %): approved",
    ]


def test_a_failed_call_and_a_stream_that_broke_off_are_told() -> None:
    screen = Screen(200)
    watch = screen.watch()
    watch(model_call(1).model_copy(update={"status": 503, "error": "the provider is away"}))
    watch(model_call(1).model_copy(update={"truncated": True}))
    assert "✗ model call 0: HTTP 503 the provider is away" in screen.lines[0]
    assert "broke off without a finish reason" in screen.lines[2]


def test_what_a_model_says_cannot_steer_the_terminal() -> None:
    screen = Screen()
    screen.watch()(Delta(agent="solo", text="\x1b[2Jgone\x07\n"))
    assert screen.lines == ["crewai solo │ �[2Jgone�"]


def test_a_run_that_is_watched_also_says_that_a_trial_passed() -> None:
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    trial = sealed()
    planned = cast(PlannedTrial, SimpleNamespace(
        id=trial.id, key=trial.key, runner=SimpleNamespace(label="crewai")))
    with RunView(console, watch=True) as view:
        view.planned([planned], 0)
        watch = view.watch(planned)
        assert watch
        watch(Delta(agent="solo", text="Hello.\n"))
        view.ended(trial)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "crewai solo │ Hello." in text
    assert "passed 1/1 s × crewai" in text
    assert RunView(console).watch(planned) is None
