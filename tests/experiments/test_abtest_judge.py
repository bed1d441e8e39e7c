"""Verdicts of experiments: their words, their guards, and the promises behind them."""

import json

import numpy as np
import pytest

from agentdyno.experiments.abtest.judge import judge, verdict_json
from agentdyno.experiments.abtest.observed import Observation
from agentdyno.tests.experiments.abtested import asked, design, seen, verdicts

SEQUENTIAL = {"stopping": {"rule": "sequential"}}


def half(case: str, at: int) -> float:
    return float((hash_of(case) + at) % 2)


def hash_of(case: str) -> int:
    return int(case[-1])


def mostly(case: str, at: int) -> float:
    return float((hash_of(case) + at) % 10 > 0)


def rarely(case: str, at: int) -> float:
    return 1 - mostly(case, at)


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_a_variant_is_better_worse_or_equal(rule: str) -> None:
    of = asked(stopping={"rule": rule}, margin=0.35, size={"trials": 40})
    found = verdicts(of, [
        seen("baseline", half, repeats=40), seen("a", mostly, repeats=40),
        seen("b", half, repeats=40),
    ])
    assert (found["a"].word, found["b"].word) == ("better", "equal")
    assert all(one.final for one in found.values())
    turned = verdicts(of, [
        seen("baseline", half, repeats=40), seen("a", rarely, repeats=40),
        seen("b", half, repeats=40),
    ])
    assert turned["a"].word == "worse"


def test_a_test_of_fixed_size_says_nothing_before_its_end() -> None:
    of = asked()
    arms = [seen("baseline", half), seen("a", mostly), seen("b", rarely)]
    for one in verdicts(of, arms, complete=False).values():
        assert (one.word, one.final, one.primary.paired) == ("running", False, None)
        assert "judged once" in one.why
    assert verdicts(of, arms)["a"].word == "better"


def test_a_sequential_test_ends_as_soon_as_it_can_tell_and_not_before() -> None:
    of = asked(**SEQUENTIAL, margin=0.05)
    few = [seen(arm, value, repeats=2) for arm, value in
           (("baseline", half), ("a", mostly), ("b", half))]
    assert {one.word for one in verdicts(of, few, complete=False).values()} == {"running"}
    more = [seen(arm, value, repeats=12) for arm, value in
            (("baseline", rarely), ("a", mostly), ("b", half))]
    found = verdicts(of, more, complete=False)
    assert (found["a"].word, found["a"].final) == ("better", True)


def test_what_cannot_be_told_at_the_end_is_inconclusive() -> None:
    of = asked(**SEQUENTIAL, margin=0.01)
    arms = [seen(arm, half) for arm in ("baseline", "a", "b")]
    found = verdicts(of, arms)["a"]
    assert (found.word, found.final) == ("inconclusive", True)


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_variants_that_do_nothing_are_called_better_or_worse_in_one_experiment_of_twenty(
    rule: str
) -> None:
    of = asked(arms=["a", "b", "c"], stopping={"rule": rule}, margin=0.0)
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(100):
        rates = {f"s:c{at}": generator.uniform(0.2, 0.9) for at in range(10)}

        def luck(case: str, at: int, rates: dict[str, float] = rates) -> float:
            return float(generator.random() < rates[case])

        arms = {arm: seen(arm, luck, repeats=6) for arm in ("baseline", "a", "b", "c")}
        words = {one.word for one in judge(of, design(of), arms, complete=True)}
        alarms += bool(words & {"better", "worse"})
    assert alarms <= 5


def test_p_values_are_adjusted_over_the_variants() -> None:
    arms = [seen("baseline", half, repeats=6), seen("a", mostly, repeats=6)]
    alone = verdicts(asked(arms=["a"]), arms)["a"].primary.p
    among = verdicts(asked(), [*arms, seen("b", mostly, repeats=6)])["a"].primary.p
    assert alone is not None
    assert among == pytest.approx(2 * alone)


@pytest.mark.parametrize("rule", ["fixed", "sequential"])
def test_a_guard_holds_is_broken_or_is_not_known(rule: str) -> None:
    of = asked(
        stopping={"rule": rule}, margin=0.2, size={"trials": 40},
        guards={"prompt_tokens": 0.5, "check:polite": 0.4, "cost_usd": 0.1},
    )

    def arm(name: str, tokens: float) -> list[Observation]:
        some = seen(name, half, repeats=40, prompt_tokens=lambda case, at: tokens + at % 3)
        return [
            Observation(**{
                **{key: getattr(one, key) for key in Observation.__slots__},
                "values": {**one.values, "check:polite": mostly(one.case, one.repeat)},
            }) for one in some
        ]

    found = verdicts(of, [arm("baseline", 100), arm("a", 110), arm("b", 400)])
    words = {name: {g.question.metric: g.word for g in one.guards} for name, one in found.items()}
    assert words["a"] == {"prompt_tokens": "holds", "check:polite": "holds", "cost_usd": "unknown"}
    assert words["b"]["prompt_tokens"] == "broken"
    assert not found["a"].guards_hold
    ratio = found["b"].guards[0].question.paired
    assert ratio is not None
    assert ratio.difference.value == pytest.approx(4, rel=0.02)


def test_a_sequential_test_waits_for_its_guards_and_gives_up_a_variant_that_breaks_one() -> None:
    of = asked(**SEQUENTIAL, guards={"prompt_tokens": 0.1}, margin=0.2)

    def tokens(factor: float) -> dict[str, object]:
        return {"prompt_tokens": lambda case, at: factor * (100 + 5 * (at % 2))}

    arms = [
        seen("baseline", rarely, repeats=12, **tokens(1)),  # type: ignore[arg-type]
        seen("a", mostly, repeats=12, **tokens(1.09)),  # type: ignore[arg-type]
        seen("b", mostly, repeats=12, **tokens(3)),  # type: ignore[arg-type]
    ]
    found = verdicts(of, arms, complete=False)
    assert (found["a"].word, found["a"].final) == ("better", False)
    assert (found["b"].word, found["b"].final) == ("better", True)
    assert found["b"].guards[0].word == "broken"


def test_trials_that_the_bench_spoiled_leave_the_verdict_open() -> None:
    of = asked(**SEQUENTIAL)
    spoiled = seen("a", mostly, counted=lambda case, at: at % 4 > 0)
    found = verdicts(of, [seen("baseline", rarely), spoiled, seen("b", mostly)])
    assert found["a"].word == "inconclusive"
    assert "only 150 of 200 trials of a count" in found["a"].why
    assert found["b"].word == "better"


def test_without_any_chance_the_numbers_themselves_decide() -> None:
    of = asked(margin=0.0)

    def same(case: str, at: int) -> float:
        return 0.0

    arms = [
        seen("baseline", lambda case, at: float(case != "s:c0"), repeats=2, wire=same),
        seen("a", lambda case, at: 1.0, repeats=2, wire=same),
        seen("b", lambda case, at: float(case != "s:c0"), repeats=2, wire=same),
    ]
    found = verdicts(of, arms, draws=False)
    assert (found["a"].word, found["b"].word) == ("better", "equal")
    assert found["a"].primary.exact
    # The same numbers of a model that draws are luck.
    assert verdicts(of, arms, draws=True)["a"].word == "inconclusive"


def test_a_quantity_may_be_the_primary_metric_and_either_way_may_be_good() -> None:
    def arms(metric: str) -> list[list[Observation]]:
        return [seen(name, lambda case, at, n=n: n + at % 5, metric=metric)  # type: ignore[misc]
                for name, n in (("baseline", 100), ("a", 50), ("b", 100))]

    for rule in ("fixed", "sequential"):
        fewer = asked(metric="prompt_tokens", stopping={"rule": rule}, margin=0.2)
        assert verdicts(fewer, arms("prompt_tokens"))["a"].word == "better"
        more = fewer.model_copy(update={"better": "higher"})
        assert verdicts(more, arms("prompt_tokens"))["a"].word == "worse"


def test_a_ratio_without_bound_is_null_in_json() -> None:
    of = asked(metric="tool_calls", **SEQUENTIAL)
    found = verdicts(of, [
        seen("baseline", lambda case, at: 0.0, metric="tool_calls"),
        seen("a", lambda case, at: 3.0, metric="tool_calls"),
        seen("b", lambda case, at: 0.0, metric="tool_calls"),
    ])
    told = json.loads(json.dumps(verdict_json(found["a"]), allow_nan=False))
    assert (told["verdict"], told["primary"]["difference"], told["primary"]["high"]) == (
        "worse", None, None)


def test_runners_are_averaged_so_that_their_common_luck_counts_once() -> None:
    of = asked(**SEQUENTIAL, margin=0.0)

    def doubled(some: list[Observation]) -> list[Observation]:
        return [*some, *(
            Observation(**{
                **{key: getattr(one, key) for key in Observation.__slots__}, "runner": "r2",
            }) for one in some
        )]

    arms = [seen("baseline", half), seen("a", mostly), seen("b", half)]
    alone = verdicts(of, arms)["a"].primary
    both = verdicts(of, [doubled(some) for some in arms])["a"].primary
    assert alone.paired is not None
    assert both.paired is not None
    assert both.p == alone.p
    assert both.paired.difference == alone.paired.difference
