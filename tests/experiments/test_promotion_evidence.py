"""What may be promoted comes from a stored experiment: its texts, its settings, its verdict now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.trial import Trial
from agentdyno.core.variant import Variant
from agentdyno.experiments.abtest.versions import version_of
from agentdyno.experiments.promotion.desk import PromotionDesk
from agentdyno.experiments.promotion.evidence import ready
from agentdyno.experiments.promotion.release import beside_prompts
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.experiments import ExperimentStore, LookRow
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.abtested import asked, design
from agentdyno.tests.experiments.registries import MemoryRegistry
from agentdyno.tests.experiments.trials import sealed

TEXT = "Write {{ name }} briefly."
VARIANTS = {
    "a": {"agents": {"writer": {"instructions": TEXT, "temperature": 0.2}}},
    "b": {"agents": {"writer": {"append": "At length."}}},
}


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    found = await open_pool(database)
    yield found
    await found.close()


def trials(arm: str, passing: bool, repeats: int) -> list[Trial]:
    found = []
    for case in range(10):
        for repeat in range(repeats):
            made = sealed("r", repeat, passed=passing)
            found.append(made.model_copy(update={
                "id": f"{arm}-{case}-{repeat}", "wire_digest": f"{repeat}",
                "key": made.key.model_copy(update={"case": f"c{case}", "variant": arm}),
            }))
    return found


async def experiment(
    pool: Pool, *, rounds: int = 4, passing: tuple[str, ...] = ("a",), **changes: Any
) -> str:
    """Store an experiment of which `rounds` of four have run; the arms of `passing` pass."""
    of = asked(name="tone", arms=[], variants=VARIANTS, size={"trials": 4}, **changes)
    plan = design(of).model_copy(update={"prompts": {
        arm: {"s.writer": TEXT if arm == "a" else f"Write.{arm}"} for arm in design(of).arms
    }})
    store = ExperimentStore(pool)
    row = await version_of(store, of, plan, who="ada", new=False)
    if rounds:
        arms = {arm: trials(arm, arm in passing, rounds) for arm in plan.arms}
        matrix = await TrialStore(pool).create_matrix("agentdyno experiment run tone", {})
        await TrialStore(pool).save(matrix, [(one, ()) for some in arms.values() for one in some])
        await store.keep_look(row.id, LookRow(
            look=1, matrix_id=matrix, rounds=rounds, said={"verdicts": []},
            looked_at=datetime.now(UTC),
        ), {arm: [one.id for one in some] for arm, some in arms.items()})
    return row.digest


async def test_a_better_variant_is_promoted_as_it_ran(pool: Pool) -> None:
    digest = await experiment(pool)
    release, evidence, standing = await ready(pool, "tone", "a")
    assert evidence.verdict == "better"
    assert release.definition == evidence.definition == digest
    assert release.texts == {"s.writer": TEXT}

    desk = PromotionDesk(pool, MemoryRegistry())
    await desk.approve(release, who="ada")
    row = await desk.promote(release, evidence, who="bob", seen=0)

    assert row.evidence == standing.matrices
    assert row.verdict is not None
    assert row.verdict["verdict"] == "better"
    installed = row.becomes["s"]
    assert (installed.variant, installed.experiment) == ("a", "tone")
    assert installed.change == Variant(agents={"writer": AgentOverride(temperature=0.2)})


async def test_a_worse_variant_is_approved_in_vain_and_an_equal_one_is_a_choice(
    pool: Pool,
) -> None:
    await experiment(pool, passing=("baseline", "a"), margin=0.5)
    desk = PromotionDesk(pool, MemoryRegistry())
    release, evidence, _ = await ready(pool, "tone", "b")
    await desk.approve(release, who="ada")
    with pytest.raises(UsageError, match=r"the verdict on b .* is worse"):
        await desk.promote(release, evidence, who="bob", seen=0)

    release, evidence, _ = await ready(pool, "tone", "a")
    assert evidence.verdict == "equal"
    await desk.approve(release, who="ada", reason="it is shorter")
    assert (await desk.promote(release, evidence, who="bob", seen=0)).state == "done"


async def test_before_the_planned_size_has_run_there_is_no_verdict(pool: Pool) -> None:
    await experiment(pool, rounds=2)
    release, evidence, _ = await ready(pool, "tone", "a")
    desk = PromotionDesk(pool, MemoryRegistry())
    await desk.approve(release, who="ada")
    with pytest.raises(UsageError, match="no verdict on a of experiment 'tone' yet"):
        await desk.promote(release, evidence, who="bob", seen=0)


async def test_a_guard_that_is_not_shown_to_hold_is_in_the_way(pool: Pool) -> None:
    await experiment(pool, guards={"cost_usd": 0.1})
    release, evidence, _ = await ready(pool, "tone", "a")
    assert evidence.unproven == {"cost_usd": "unknown"}
    desk = PromotionDesk(pool, MemoryRegistry())
    await desk.approve(release, who="ada")
    with pytest.raises(UsageError, match="cost_usd may be broken"):
        await desk.promote(release, evidence, who="bob", seen=0)


@pytest.mark.parametrize(("name", "variant", "said"), [
    ("tone", "z", "has no variant 'z'"), ("nothing", "a", "no experiment 'nothing'"),
])
async def test_what_there_is_not_cannot_be_promoted(
    pool: Pool, name: str, variant: str, said: str
) -> None:
    await experiment(pool)
    with pytest.raises(UsageError, match=said):
        await ready(pool, name, variant)


def test_what_a_variant_changes_beside_its_prompts_is_kept_and_nothing_else() -> None:
    variant = Variant(
        title="t", prompts={"a": "prompts:/a/1"}, vars={"x": 1},
        every_agent=AgentOverride(append="Be brief."),
        agents={"a": AgentOverride(instructions="I"), "b": AgentOverride(temperature=None)},
    )
    rest = beside_prompts(variant)
    assert rest is not None
    assert rest.model_dump(exclude_defaults=True) == {"vars": {"x": 1}, "agents": {"b": {}}}
    assert rest.agents["b"].model_fields_set == {"temperature"}
    assert beside_prompts(Variant(title="t", prompts={"a": "prompts:/a/1"})) is None
