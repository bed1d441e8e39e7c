"""The comparison table's numbers."""

from agentdyno.core.pattern import Single, Supervisor
from agentdyno.core.trial import Outcome
from agentdyno.experiments.plan import NotSupported
from agentdyno.experiments.summary import summarize
from agentdyno.tests.experiments.trials import model_call, sealed, tool_call


def test_the_leanest_runner_pays_no_tax_and_the_others_pay_the_difference() -> None:
    lean = sealed("lean", events=(model_call(100), tool_call()))
    fat = sealed("fat", events=(model_call(100), model_call(150), tool_call()))
    rows = {row.runner: row for row in summarize([lean, fat])}
    assert (rows["lean 1"].extra_calls, rows["lean 1"].extra_prompt_tokens) == (0, 0)
    assert (rows["fat 1"].extra_calls, rows["fat 1"].extra_prompt_tokens) == (1, 150)
    assert (rows["fat 1"].model_calls, rows["fat 1"].tool_calls) == (2, 1)


def test_cold_trials_are_left_out_of_cpu_when_there_are_warm_ones() -> None:
    trials = [sealed(repeat=0, cpu_s=9.0, cold=True), sealed(repeat=1, cpu_s=1.0)]
    (row,) = summarize(trials)
    assert (row.cpu_s, row.cold) == (1.0, False)
    (alone,) = summarize(trials[:1])
    assert (alone.cpu_s, alone.cold) == (9.0, True)


def test_harness_faults_leave_the_denominator_and_are_shown() -> None:
    trials = [sealed(repeat=0), sealed(repeat=1, outcome=Outcome.HARNESS_FAULT, passed=False)]
    (row,) = summarize(trials)
    assert row.passed
    assert (row.trials, row.faults, row.passed.n, row.passed.value) == (2, 1, 1, 1.0)


def test_a_runner_with_harness_faults_alone_has_no_numbers() -> None:
    (row,) = summarize([sealed(outcome=Outcome.HARNESS_FAULT)])
    assert row.passed is None
    assert row.model_calls is None
    assert row.extra_calls is None


def test_an_agents_crash_stays_in_the_denominator() -> None:
    (row,) = summarize([sealed(), sealed(repeat=1, outcome=Outcome.AGENT_FAULT, passed=False)])
    assert row.passed
    assert (row.passed.n, row.passed.value) == (2, 0.5)


def test_a_runner_that_never_passes_is_no_yardstick_and_pays_no_tax() -> None:
    crashed = sealed("crashed", outcome=Outcome.AGENT_FAULT, passed=False)
    rows = {row.runner: row for row in summarize([crashed, sealed(events=(model_call(90),))])}
    assert rows["crashed 1"].extra_calls is None
    assert rows["crewai 1"].extra_prompt_tokens == 0


def test_what_a_runner_does_not_support_is_a_row_without_numbers_and_no_failure() -> None:
    cell = NotSupported(scenario="s", runner="other", version="2", why="it has no such thing")
    able, unable = summarize([sealed()], [cell])
    assert able.passed
    assert (unable.runner, unable.trials, unable.passed) == ("other 2", 0, None)
    assert unable.not_supported == "it has no such thing"
    assert unable.extra_calls is None


def test_the_price_of_coordination_is_what_the_coordinator_called() -> None:
    pattern = Supervisor(manager="boss", workers=("solo",))
    boss = model_call(30, 5).model_copy(update={"agent": "boss"})
    trial = sealed(events=(boss, boss, model_call(100))).model_copy(update={"pattern": pattern})
    (row,) = summarize([trial])
    assert (row.coordination_calls, row.coordination_tokens) == (2, 70)
    assert (row.model_calls, row.prompt_tokens) == (3, 160)
    alone = trial.model_copy(update={"pattern": Single(agent="solo")})
    (plain,) = summarize([alone])
    assert plain.coordination_calls is None


def test_trials_that_sent_the_same_to_a_script_are_exact() -> None:
    same = [sealed(repeat=at).model_copy(update={"wire_digest": "x"}) for at in range(2)]
    assert summarize(same)[0].exact
    assert not summarize(same[:1])[0].exact
    other = same[1].model_copy(update={"wire_digest": "y"})
    assert not summarize([same[0], other])[0].exact
    live = [t.model_copy(update={"key": t.key.model_copy(update={"model": "openai:x"})})
            for t in same]
    assert not summarize(live)[0].exact
