"""The clerk of `parcel_claims` does what its prompt says, whichever runner sends it."""

from collections.abc import Awaitable, Callable

import pytest

from agentdyno.core.override import AgentOverride
from agentdyno.core.trial import Trial, TrialKey
from agentdyno.core.variant import Variant
from agentdyno.evals.checks import evaluate
from agentdyno.experiments.abtest.reading import read_experiment
from agentdyno.experiments.sources import luck_of
from agentdyno.models.conversation import Reply
from agentdyno.models.script import load_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import ModelRequest
from agentdyno.scenarios.loader import load_cases, load_scenario

Play = Callable[..., Awaitable[Trial]]
CASES = [loaded.case for loaded in load_cases("parcel_claims")]
VARIANTS = read_experiment("safe_experimentation").experiment.variants


async def first_move(case: str, variant: Variant, seed: int) -> Reply:
    """Return what the clerk does first, in one case of one variant."""
    (loaded,) = load_cases("parcel_claims", only=case, variant=variant)
    assert loaded.script_path is not None
    script = load_script(loaded.script_path, ["clerk"], loaded.variables)
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {}}}
        for name in ("search", "read")
    ]
    reply = await ScriptedUpstream(script, seed).answer(ModelRequest(
        agent="clerk", agents={}, ordinal=0, api="chat", body=b"", json={
            "model": "m", "tools": tools, "messages": [
                {"role": "system", "content": loaded.agents[0].instructions},
                {"role": "user", "content": loaded.user_turns[0]},
            ],
        },
    ))
    assert isinstance(reply, Reply)
    return reply


@pytest.mark.parametrize("case", CASES)
async def test_only_a_prompt_that_says_so_has_the_clerk_look_anything_up(case: str) -> None:
    assert not (await first_move(case, Variant(), 0)).calls
    assert not (await first_move(case, VARIANTS["b"], 0)).calls
    for name in ("a", "c"):
        (call,) = (await first_move(case, VARIANTS[name], 0)).calls
        assert call.name == "search"


async def test_a_prompt_that_says_the_same_in_other_words_has_no_effect() -> None:
    vague = Variant(agents={"clerk": AgentOverride(append="Do look at our rules, please.")})
    assert not (await first_move("lost", vague, 0)).calls


async def test_a_clerk_that_does_not_look_is_wrong_about_half_the_time() -> None:
    said = [(await first_move("lost", Variant(), seed)).text for seed in range(60)]
    assert 20 < sum("520 euros" in text for text in said) < 40
    assert all("520 euros" in text or "250 euros" in text for text in said)


async def test_brevity_changes_the_words_and_not_the_luck() -> None:
    for seed in range(10):
        long, short = [
            (await first_move("lost", variant, seed)).text for variant in (Variant(), VARIANTS["b"])
        ]
        assert len(short) < len(long)
        assert ("520" in long) == ("520" in short)


def test_every_case_has_luck_of_its_own_which_runners_and_variants_share() -> None:
    def luck(**changes: object) -> int:
        key = TrialKey(
            scenario="s", scenario_digest="d", runner="r", runner_version="1", runner_digest="d",
            model_digest="d",
        )
        return luck_of(key.model_copy(update=changes))

    assert luck(case="one") != luck(case="two")
    assert luck(seed=1) != luck(seed=2)
    # Repeat 1 of a run with seed 0 is not repeat 0 of one with seed 1.
    assert luck(seed=1, repeat=1) != luck(seed=1, repeat=0)
    assert luck(case="one") == luck(case="one", variant="a", runner="other")


@pytest.mark.parametrize("case", CASES)
async def test_every_check_can_fail_and_pass(case: str, play: Play) -> None:
    trial = await play(f"parcel_claims:{case}")
    loaded = load_scenario(f"parcel_claims:{case}")
    pays = loaded.variables["pays"]
    for answer, expected in (
        (f"We pay {pays} euros.", ["pass", "pass"]), ("We pay 7 euros.", ["fail", "pass"]),
        (f"We pay {pays} euros, I promise.", ["pass", "fail"]),
    ):
        said = trial.model_copy(update={"answers": (answer,)})
        verdicts = evaluate(said, loaded.scenario.checks, loaded.folder)
        assert [one.status for one in sorted(verdicts, key=lambda v: v.check, reverse=True)] == (
            expected)


def test_what_each_case_pays_stands_on_the_page_that_its_search_finds() -> None:
    folder = load_scenario("parcel_claims").folder / "docs"
    pages = [path.read_text() for path in folder.glob("*.md")]
    for case in CASES:
        variables = load_scenario(f"parcel_claims:{case}").variables
        (page,) = [page for page in pages if f"We pay {variables['pays']} euros" in page]
        assert str(variables["believed"]) not in page
