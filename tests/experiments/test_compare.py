"""Two arms compared: words, adjustment, coverage, slices, flips, the Pareto front, advice."""

from collections.abc import Sequence
from typing import Any

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.pattern import Dag, Edge, Reflection, Supervisor
from agentdyno.core.trial import Outcome, Trial, Verdict
from agentdyno.experiments.compare.advice import advise, kind_of
from agentdyno.experiments.compare.arms import make_arms, parse_arm
from agentdyno.experiments.compare.compare import Arm, Facts, Rules, compare, coverage
from agentdyno.experiments.compare.nouns import Comparison, Line
from agentdyno.experiments.compare.pareto import pareto
from agentdyno.tests.experiments.trials import model_call, sealed

FAST = Rules(resamples=500)


def trial(
    runner: str, case: str, repeat: int = 0, *, passed: bool = True, prompt: int = 100,
    wall: float = 1.0, outcome: Outcome = Outcome.COMPLETED, wire: str = "", **key: Any,
) -> Trial:
    """Return a sealed trial of one case."""
    made = sealed(runner, repeat, passed=passed, outcome=outcome, events=(model_call(prompt),))
    return made.model_copy(update={
        "id": f"{runner}-{case}-{repeat}", "duration_s": wall, "wire_digest": wire,
        "key": made.key.model_copy(update={"scenario": case, **key}),
        "report": made.report.model_copy(update={"cold": True}),
    })


def arm(name: str, passes: Sequence[Sequence[int]], **more: Any) -> Arm:
    """Return an arm whose case number k has these trials."""
    return Arm(name=name, trials=[
        trial(name, f"case{at}", repeat, passed=bool(value), **more)
        for at, some in enumerate(passes) for repeat, value in enumerate(some)
    ])


def line(found: Comparison, metric: str) -> Line:
    """Return the line of one metric."""
    return next(one for one in found.lines if one.metric == metric)


def test_a_clear_drop_is_worse_and_names_the_cases_that_flipped() -> None:
    good = arm("good", [[1, 1]] * 12)
    bad = arm("bad", [[0, 0]] * 9 + [[1, 1]] * 3)
    (found,) = compare([good, bad], FAST)
    passed = line(found, "passed")
    assert passed.verdict == "worse"
    assert passed.paired
    assert (passed.paired.a, passed.paired.b) == (1.0, 0.25)
    assert len(found.flips) == 9
    assert (found.flips[0].trial_a, found.flips[0].trial_b) == ("good-case0-0", "bad-case0-0")


def test_more_tokens_by_a_constant_factor_are_a_ratio() -> None:
    lean = arm("lean", [[1]] * 10, prompt=100)
    fat = arm("fat", [[1]] * 10, prompt=150)
    (found,) = compare([lean, fat], FAST)
    tokens = line(found, "prompt_tokens")
    assert tokens.paired
    assert tokens.paired.difference.value == pytest.approx(1.5)
    assert tokens.verdict == "worse"
    assert line(found, "model_calls").verdict == "equal"


def test_p_values_are_adjusted_over_all_pairs() -> None:
    arms = [arm(name, [[1]] * 6 + [[0 if name == "c" else 1]] * 6) for name in "abc"]
    found = compare(arms, FAST)
    assert [(one.a, one.b) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    alone = line(compare([arms[0], arms[2]], FAST)[0], "passed")
    among = line(found[1], "passed")
    assert alone.p == pytest.approx(2 / 2**6)
    assert among.p == pytest.approx(3 * 2 / 2**6)


def test_harness_faults_leave_the_denominator_and_bound_the_rate() -> None:
    one = arm("one", [[1, 1]] * 4)
    spoiled = [
        trial("two", f"case{at}", repeat, passed=False, outcome=Outcome.HARNESS_FAULT)
        if repeat else trial("two", f"case{at}") for at in range(4) for repeat in range(2)
    ]
    found = coverage(spoiled)
    assert (found.counted, found.trials, found.best, found.worst) == (4, 8, 1.0, 0.5)
    (compared,) = compare([one, Arm(name="two", trials=spoiled)], FAST)
    passed = line(compared, "passed")
    assert passed.verdict == "inconclusive"
    assert "only 4 of 8 trials of two count" in passed.why


def test_trials_without_sampling_noise_are_exact_and_need_no_interval() -> None:
    one = arm("one", [[1, 1]] * 3, wire="same")
    two = arm("two", [[1, 1]] * 3, prompt=101, wire="other")
    (found,) = compare([one, two], FAST)
    assert line(found, "passed").exact
    assert line(found, "passed").verdict == "equal"
    assert line(found, "prompt_tokens").verdict == "equal"
    assert not line(found, "wall_s").exact
    drawn = arm("drawn", [[1, 1]] * 3)
    assert not line(compare([one, drawn], FAST)[0], "passed").exact


def test_slices_go_by_tag_pattern_and_difficulty() -> None:
    good, bad = arm("good", [[1]] * 8), arm("bad", [[1]] * 4 + [[0]] * 4)
    facts = {
        f"case{at}": Facts(tags=("hard_ones",) if at >= 4 else ("easy_ones",), pattern="dag")
        for at in range(8)
    }
    (found,) = compare([good, bad], Rules(resamples=500, facts=facts))
    slices = {(one.by, one.name): one for one in found.slices}
    assert slices["tag", "hard_ones"].cases == 4
    hard, easy = (slices["tag", f"{name}_ones"].passed.paired for name in ("hard", "easy"))
    assert hard
    assert easy
    assert (hard.difference.value, easy.difference.value) == (-1, 0)
    assert slices["pattern", "dag"].cases == 8


def test_cases_of_one_arm_alone_and_a_single_case_are_said() -> None:
    (found,) = compare([arm("one", [[1], [1]]), arm("two", [[1]])], FAST)
    assert "only one ran case1: left out" in found.notes
    assert any("one case alone" in note for note in found.notes)


def test_the_front_has_who_is_beaten_by_nobody() -> None:
    cheap = arm("cheap", [[1]] * 5, prompt=100, wall=2.0)
    quick = arm("quick", [[1]] * 5, prompt=200, wall=1.0)
    dear = arm("dear", [[1]] * 5, prompt=201, wall=2.1)
    front = pareto([cheap, quick, dear])
    assert front
    assert front.best == ("cheap", "quick")
    assert front.points[2].beaten_by == ("cheap", "quick")
    assert pareto([cheap, Arm(name="x", trials=[trial("x", "elsewhere")])]) is None


def test_advice_rests_on_what_was_shown_and_says_what_it_does_not_rest_on() -> None:
    good, bad = arm("good", [[1, 1]] * 12), arm("bad", [[0, 0]] * 12)
    found, front = compare([good, bad], FAST), pareto([good, bad])
    assert front
    told = advise(Reflection(writer="w", critic="c"), {"good": "native: Flow"}, found, front)
    assert (told.kind, told.choose) == ("cyclical", ("good",))
    assert any("bad is out" in sentence for sentence in told.words)
    assert any("native: Flow" in sentence for sentence in told.words)
    same = [arm(name, [[1]] * 2) for name in ("one", "two")]
    front = pareto(same)
    assert front
    told = advise(Supervisor(manager="m", workers=("w",)), {}, compare(same, FAST), front)
    assert told.kind == "role_based"
    assert any("inconclusive" in limit for limit in told.limits)


def test_a_graph_with_a_loop_is_cyclical() -> None:
    edges = (Edge(source="a", target="b"), Edge(source="b", target="a", when="x", max=2))
    assert kind_of(Dag(start="a", edges=edges)) == "cyclical"
    assert kind_of(Dag(start="a", edges=edges[:1])) == "deterministic"


def test_an_arm_is_a_runner_a_version_a_run_or_filters() -> None:
    runners = ("crewai", "langgraph")
    assert parse_arm("crewai@1.14.3", runners).filters == (
        ("runner", "crewai"), ("version", "1.14.3")
    )
    assert parse_arm("run=4f2a", runners).run == "4f2a"
    assert parse_arm("crewai,retries=uniform", runners).filters[1] == ("retries", "uniform")
    with pytest.raises(UsageError, match="did you mean 'crewai'"):
        parse_arm("crewia", runners)
    with pytest.raises(UsageError, match="no filter 'retry'"):
        parse_arm("crewai,retry=uniform", runners)


def test_what_ran_under_different_conditions_is_not_compared() -> None:
    specs = [parse_arm(name, ("one", "two")) for name in ("one", "two")]
    trials = {
        "one": [trial("one", "c", model="scripted")], "two": [trial("two", "c", model="live:x")],
    }
    with pytest.raises(UsageError, match="different conditions"):
        make_arms(specs, trials)
    named = [parse_arm(text, ("one", "two")) for text in ("one,model=scripted", "two,model=live:x")]
    by_text = dict(zip(("one,model=scripted", "two,model=live:x"), trials.values(), strict=True))
    assert [len(arm.trials) for arm in make_arms(named, by_text)] == [1, 1]


def test_trials_under_faults_belong_to_an_arm_only_where_they_are_named() -> None:
    spec = parse_arm("one", ("one",))
    assert not spec.takes(trial("one", "c", faults="bad_day:1234"))
    assert parse_arm("one,faults=bad_day", ("one",)).takes(trial("one", "c", faults="bad_day:1234"))


def test_an_arm_without_trials_is_refused() -> None:
    spec = parse_arm("one", ("one",))
    with pytest.raises(UsageError, match="no trial is stored for one"):
        make_arms([spec], {"one": []})


def test_a_check_is_a_metric_of_its_own_and_an_undecided_one_has_no_value() -> None:
    one, two = arm("one", [[1]] * 4), arm("two", [[1]] * 4)
    undecided = [
        t.model_copy(update={"verdicts": (Verdict(check="c", status="error", reason="r"),)})
        for t in two.trials
    ]
    (found,) = compare([one, Arm(name="two", trials=undecided)], FAST)
    assert line(found, "check:c").paired is None
    assert line(found, "passed").paired is not None
