"""A suite now against its baseline: exact where nothing scatters, statistical where it does."""

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.suite import Policy
from agentdyno.experiments.gate.gate import GateReport, gate
from agentdyno.experiments.gate.judge import GateLine
from agentdyno.tests.experiments.gated import cases, kept, noisy, noisy_wires, state, suite


def line(report: GateReport, metric: str) -> GateLine:
    return next(line for line in report.lines if line.metric == metric)


ALL_PASS = cases(4, lambda case, at: kept(at))


def test_the_same_again_passes_exactly_and_prints_no_interval() -> None:
    report = gate(suite(), state(ALL_PASS), state(ALL_PASS))
    assert (report.verdict, report.exit_code) == ("pass", 0)
    assert {(one.difference, one.p, one.method) for one in report.lines} == {(None, None, "exact")}


def test_one_check_that_fails_where_nothing_scatters_is_a_regression() -> None:
    now = cases(30, lambda case, at: kept(at, passed=case != 7))
    report = gate(suite(), state(cases(30, lambda case, at: kept(at))), state(now))
    assert (report.verdict, report.exit_code) == ("regression", 1)
    assert line(report, "check:text").verdict == "regression"
    (flip,) = report.flips
    assert (flip.situation, flip.before, flip.now, flip.failed) == ("q07", 1.0, 0.0, ("c",))


def test_a_margin_that_the_suite_names_lets_an_exact_rate_fall_within_it() -> None:
    now = cases(30, lambda case, at: kept(at, passed=case != 7))
    lenient = suite(margins={"passed": 0.05, "checks": 0.05})
    report = gate(lenient, state(cases(30, lambda case, at: kept(at))), state(now))
    assert report.verdict == "pass"
    assert report.flips


def test_a_quantity_may_grow_by_its_margin_and_no_further() -> None:
    def tokens(count: float) -> dict[str, list[object]]:
        return cases(4, lambda case, at: kept(at, values={"prompt_tokens": count}))

    verdicts = [
        line(gate(suite(), state(tokens(100)), state(tokens(now))), "prompt_tokens").verdict
        for now in (109, 112, 80)
    ]
    assert verdicts == ["pass", "regression", "improved"]


def test_a_quantity_that_was_nothing_and_is_something_is_a_regression() -> None:
    def calls(count: float) -> dict[str, list[object]]:
        return cases(4, lambda case, at: kept(at, values={"tool_calls": count}))

    assert line(gate(suite(), state(calls(0)), state(calls(1))), "tool_calls").verdict == (
        "regression")
    assert line(gate(suite(), state(calls(0)), state(calls(0))), "tool_calls").verdict == "pass"


def scattered(rate: float, count: int = 40, mark: str = "") -> object:
    """Return a state whose trials all send something else, and pass at about `rate`."""
    every = cases(count, lambda case, at: kept(
        at, passed=(7 * case + 3 * at) % 20 < 20 * rate, wire=noisy(case, at, mark)))
    return state(every, wires=noisy_wires(count, mark=mark))


def test_a_drop_beyond_noise_and_margin_is_a_regression_with_interval_and_p() -> None:
    lenient = suite(policy={"wire": "ignore"})
    report = gate(lenient, scattered(0.9), scattered(0.5, mark="n"))
    found = line(report, "passed")
    assert found.verdict == "regression"
    assert found.difference is not None
    assert found.difference.high < 0
    assert found.p is not None
    assert found.p < 0.05
    assert (found.cases, found.trials_before, found.trials_now) == (40, 120, 120)
    assert found.mde is not None


def test_too_few_trials_are_inconclusive_and_the_policy_decides_what_that_is_worth() -> None:
    for policy, code in (("pass", 0), ("warn", 0), ("fail", 6)):
        few = suite(policy={"wire": "ignore", "inconclusive": policy})
        report = gate(few, scattered(0.9, 5), scattered(0.75, 5, mark="n"))
        assert (report.verdict, report.exit_code) == ("inconclusive", code)
        assert "too few trials" in line(report, "passed").why


def test_p_values_are_adjusted_for_everything_that_is_judged_at_once() -> None:
    lenient = suite(policy={"wire": "ignore"})
    both = gate(lenient, scattered(0.9), scattered(0.7, mark="n"))
    alone = gate(lenient.model_copy(update={"metrics": ("passed",)}), scattered(0.9),
                 scattered(0.7, mark="n"))
    wide, narrow = line(both, "passed").p, line(alone, "passed").p
    assert wide is not None
    assert narrow is not None
    assert wide == pytest.approx(min(1.0, 2 * narrow))


def test_a_baseline_of_another_suite_is_refused() -> None:
    with pytest.raises(UsageError, match="suite 'other', and this is 's'"):
        gate(suite(), state(ALL_PASS, name="other"), state(ALL_PASS))


def test_a_baseline_that_was_made_another_way_is_refused_and_says_how() -> None:
    with pytest.raises(UsageError, match="model was replay and is scripted"):
        gate(suite(), state(ALL_PASS, model="replay"), state(ALL_PASS))


def test_a_baseline_with_nothing_in_common_is_refused() -> None:
    other = {"else": [kept(0)]}
    with pytest.raises(UsageError, match="none of the scenarios and runners"):
        gate(suite(), state(other), state(ALL_PASS))


def test_one_case_alone_is_judged_and_said_to_speak_for_no_other() -> None:
    one = cases(1, lambda case, at: kept(at))
    report = gate(suite(), state(one), state(one))
    assert report.verdict == "pass"
    assert "crewai: one case alone; nothing here speaks for other cases" in report.notes


def test_all_failed_now_is_a_regression_and_all_failed_before_defends_nothing() -> None:
    failed = cases(4, lambda case, at: kept(at, passed=False))
    report = gate(suite(), state(ALL_PASS), state(failed))
    assert report.verdict == "regression"
    assert "crewai: all 12 trials fail" in report.notes
    again = gate(suite(), state(failed), state(failed))
    assert again.verdict == "pass"
    assert any("little to defend" in note for note in again.notes)


def test_no_variance_in_trials_that_could_scatter_is_no_certainty() -> None:
    calm = suite(policy={"wire": "ignore"})
    report = gate(calm, scattered(1.0, 5), scattered(1.0, 5, mark="n"))
    found = line(report, "passed")
    assert found.verdict == "inconclusive"
    assert found.difference is not None
    assert found.difference.low < -0.05


def test_mixed_versions_of_harness_and_runner_are_said() -> None:
    report = gate(suite(), state(ALL_PASS), state(ALL_PASS, harness="2", version="9"))
    assert report.verdict == "pass"
    assert any("mixed versions of agentdyno (1, 2)" in note for note in report.notes)
    assert "crewai was 1 and is 9" in report.notes


def test_trials_that_the_bench_spoiled_leave_the_count_and_are_shown_with_bounds() -> None:
    now = cases(4, lambda case, at: kept(
        at, outcome="harness_fault" if (case, at) == (0, 0) else "completed"))
    report = gate(suite(), state(ALL_PASS), state(now))
    assert report.verdict == "pass"
    (covered,) = report.coverage
    assert (covered.counted, covered.faults) == (11, 1)
    assert (covered.worst, covered.best) == (11 / 12, 1.0)
    assert any("1 spoiled by the bench" in note for note in report.notes)


def test_too_many_spoiled_trials_are_the_benchs_fault_and_no_verdict() -> None:
    now = cases(4, lambda case, at: kept(
        at, outcome="harness_fault" if case < 2 else "completed"))
    report = gate(suite(), state(ALL_PASS), state(now))
    assert (report.verdict, report.exit_code) == ("inconclusive", 3)
    (only,) = report.lines
    assert only.why == "only 6 of 12 trials now count; 90% are needed"


def test_cells_that_did_not_run_are_missing_and_not_forgotten() -> None:
    some = {name: ALL_PASS[name] for name in ("q00", "q01")}
    now = state(some, situations=tuple(ALL_PASS))
    report = gate(suite(), state(ALL_PASS), now)
    assert report.exit_code == 3
    assert any("6 not run" in note for note in report.notes)


def test_scenarios_that_come_and_go_are_noted_and_not_compared() -> None:
    now = {**{name: ALL_PASS[name] for name in ("q00", "q01")}, "new": [kept(0)]}
    report = gate(suite(), state(ALL_PASS), state(now))
    assert report.verdict == "pass"
    assert any(note.startswith("not asked any more") for note in report.notes)
    assert any(note.startswith("new, and so not compared") for note in report.notes)


def test_a_check_in_error_never_passes() -> None:
    now = cases(4, lambda case, at: kept(at, verdicts={"c": "error"}, values={"passed": 0.0}))
    report = gate(suite(metrics=["checks"]), state(ALL_PASS), state(now))
    assert report.verdict == "inconclusive"
    assert line(report, "check:text").why == "only 0 of 12 trials tell it now"


def test_metrics_that_a_clock_decides_are_judged_only_where_the_suite_gives_a_margin() -> None:
    from agentdyno.experiments.gate.observe import metrics_of

    assert "wall_s" not in {metric.name for metric in metrics_of(suite())}
    assert "wall_s" in {metric.name for metric in metrics_of(suite(margins={"wall_s": 0.5}))}


def test_a_policy_knows_no_other_words() -> None:
    with pytest.raises(ValueError, match="inconclusive"):
        Policy.model_validate({"inconclusive": "maybe"})
