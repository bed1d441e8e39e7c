"""Designs: how large an experiment has to be, and what makes it another one."""

from pathlib import Path
from typing import Any

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.evals.statistics.power import advise, rate_scatter
from agentdyno.experiments.abtest.design import (
    Design,
    changes,
    digest_of,
    make_design,
    rounds_of,
)
from agentdyno.experiments.abtest.reading import LoadedExperiment, read_experiment
from agentdyno.experiments.request import read_request
from agentdyno.tests.experiments.abtested import asked

GOOD = """\
name: trying
hypothesis: It helps.
scenarios: [parcel_claims]
runners: [pydantic_ai]
variants:
  kind: {agents: {clerk: {append: Be kind.}}}
stopping: {rule: sequential}
size: {trials: 40}
"""


async def planned(
    folder: Path, text: str = GOOD
) -> tuple[LoadedExperiment, Design]:
    path = folder / "trying.yaml"
    path.write_text(text)
    loaded = read_experiment(path)
    arms = (loaded.experiment.baseline, *loaded.experiment.challengers)
    settings = Settings(cache=folder)
    request = await read_request(
        settings, loaded.options(trials=1, arms=arms), loaded.declared
    )
    return loaded, make_design(loaded, request)


async def test_a_design_says_what_will_run_and_from_which_prompts(tmp_path: Path) -> None:
    _, design = await planned(tmp_path)
    assert design.arms == ("baseline", "kind")
    assert design.cases == tuple(
        f"parcel_claims:{case}" for case in ("customs", "damaged", "late", "lost"))
    assert (design.rounds, design.rounds_per_look, design.draws) == (40, 5, True)
    assert design.prompts["kind"]["parcel_claims.clerk"] == (
        design.prompts["baseline"]["parcel_claims.clerk"] + "\n\nBe kind.")
    assert len(design.cells) == 8


async def test_the_digest_is_another_when_prompt_plan_or_margin_changes_and_says_which(
    tmp_path: Path
) -> None:
    loaded, design = await planned(tmp_path)
    digest = digest_of(loaded.experiment, design)
    assert digest_of(*reversed_pair(await planned(tmp_path))) == digest
    for old, new, words in (
        ("Be kind.", "Be very kind.", "`variants` changed in its file"),
        ("trials: 40", "trials: 41", "`size` changed in its file"),
        ("hypothesis: It helps.", "hypothesis: It harms.", "`hypothesis` changed"),
    ):
        other, another = await planned(tmp_path, GOOD.replace(old, new))
        assert digest_of(other.experiment, another) != digest
        told = changes((loaded.experiment, design), (other.experiment, another))
        assert any(words in line for line in told), told
    moved = design.model_copy(update={"cells": {
        name: cell.model_copy(update={"version": "0"}) for name, cell in design.cells.items()
    }})
    assert changes((loaded.experiment, moved), (loaded.experiment, design)) == [
        "the version of the runner changed for baseline parcel_claims:customs pydantic_ai,"
        " baseline parcel_claims:damaged pydantic_ai and 6 more"]


def reversed_pair(pair: tuple[LoadedExperiment, Design]) -> tuple[Any, Design]:
    loaded, design = pair
    return loaded.experiment, design


def test_a_fixed_size_is_what_power_says() -> None:
    of = asked(arms=["a"], size={"effect": 0.1, "rate": 0.8})
    sizes = {size.cases: size.trials for size in advise(0.1, rate_scatter(0.8))}
    cases, trials = next(iter(sizes.items()))
    assert rounds_of(of, cases, 1) <= trials
    assert rounds_of(of, cases - 5, 1) > trials


def test_more_runners_need_fewer_repeats_and_more_variants_more() -> None:
    size = {"effect": 0.1, "rate": 0.8}
    for rule in ("fixed", "sequential"):
        alone = rounds_of(asked(arms=["a"], size=size, stopping={"rule": rule}), 10, 1)
        six = rounds_of(asked(arms=["a"], size=size, stopping={"rule": rule}), 10, 6)
        three = rounds_of(
            asked(arms=["a", "b", "c"], size=size, stopping={"rule": rule}), 10, 1)
        assert six < alone < three


def test_one_case_is_planned_by_its_repeats() -> None:
    of = asked(arms=["a"], size={"effect": 0.2, "rate": 0.5})
    assert 90 < rounds_of(of, 1, 1) < 110


def test_an_effect_that_no_number_of_repeats_shows_is_refused() -> None:
    of = asked(arms=["a"], size={"effect": 0.05, "rate": 0.8, "between": 0.3})
    with pytest.raises(UsageError, match="does not show on 10 cases"):
        rounds_of(of, 10, 1)


async def test_a_fixed_test_on_too_few_cases_is_refused_before_it_runs(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot tell 1 variants.*smallest adjusted p.* 0\.12"):
        await planned(tmp_path, GOOD.replace("sequential", "fixed"))
