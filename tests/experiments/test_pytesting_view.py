"""Questions about a sealed trial: which agents worked, and what an answer shows."""

from agentdyno.core.event import Message, ModelCall, Step
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.testing import TrialView
from agentdyno.tests.experiments.trials import model_call, sealed, tool_call


def asked(agent: str, *tools: str, error: str | None = None) -> ModelCall:
    return model_call(10).model_copy(
        update={"agent": agent, "tools_called": tools, "error": error}
    )


def step(agent: str) -> Step:
    return Step(agent=agent, started_s=0.0, ended_s=0.0, name=agent)


def test_the_nodes_of_a_graph_are_its_declared_steps() -> None:
    trial = sealed(events=(step("a"), asked("a"), asked("b"), step("b"), step("a")))
    assert TrialView(trial).ran("a", "b", "a")


def test_without_steps_a_node_is_a_turn_at_the_model() -> None:
    view = TrialView(sealed(events=(
        asked("triage", "transfer_to_billing"), asked("billing", "lookup"), asked("billing"),
        asked(USER_SIMULATOR), asked("billing", error="HTTP 500"), asked("billing"),
        Message(agent="other", started_s=0.0, ended_s=0.0, text="hi"),
    )))
    assert view.ran("triage", "billing", "billing")
    assert view.ran_times("billing", 2)
    assert view.ran_before("triage", "billing")


def test_a_trial_that_failed_shows_its_end_its_checks_and_its_calls() -> None:
    trial = sealed(passed=False, outcome=Outcome.LIMIT, events=(tool_call(),)).model_copy(
        update={"reason": "overran the trial's 5 s"})
    seen = TrialView(trial).passed()
    assert not seen
    assert repr(seen) == "<no: the trial passed every check>"
    assert seen.explain().splitlines() == [
        "no: the trial passed every check",
        "the checks that did not pass:",
        "  1. c: fail: because",
        "the trial ended with limit: overran the trial's 5 s",
        "tool calls that were made (1):",
        "  1. solo: s.t() -> ",
        "s on crewai@1; all of it: agentdyno show crewai0",
    ]


def test_a_trial_without_checks_has_not_passed() -> None:
    seen = TrialView(sealed().model_copy(update={"verdicts": ()})).passed()
    assert not seen
    assert "the scenario has no checks" in seen.evidence
