"""Approve, promote and roll back: what they demand, what they write down, and who comes first."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.variant import Variant
from agentdyno.experiments.promotion.desk import PromotionDesk
from agentdyno.experiments.promotion.evidence import Evidence
from agentdyno.experiments.promotion.release import Release, release
from agentdyno.experiments.prompts.registry import RegistryAway
from agentdyno.store.database import Pool, open_pool
from agentdyno.tests.experiments.registries import MemoryRegistry

WRITER, EDITOR = "letters.writer", "letters.editor"


def released(variant: str = "b", text: str = "Write briefly.", **more: Any) -> Release:
    change = Variant(**more)
    return release("tone", "d" * 64, variant, {
        WRITER: text, EDITOR: "Edit {{ name }}: {\"a\": 1}",
    }, {"letters": change})


def shown(**changes: Any) -> Evidence:
    values = {
        "experiment": "tone", "definition": "d" * 64, "variant": "b", "verdict": "better",
        "said": {"word": "better"}, "matrices": ("m1", "m2"),
    }
    return Evidence.model_validate(values | changes)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    found = await open_pool(database)
    yield found
    await found.close()


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


@pytest.fixture
def desk(pool: Pool, registry: MemoryRegistry) -> PromotionDesk:
    return PromotionDesk(pool, registry)


async def test_an_approved_better_variant_moves_the_alias_and_is_written_down(
    desk: PromotionDesk, registry: MemoryRegistry
) -> None:
    approval = await desk.approve(released(), who="ada", reason="reads well")
    assert registry.aliases == {(WRITER, "candidate"): 1, (EDITOR, "candidate"): 1}

    row = await desk.promote(released(), shown(), who="bob", seen=0, reason="10 points better")

    assert registry.aliases[WRITER, "production"] == registry.aliases[EDITOR, "production"] == 1
    assert (row.kind, row.who, row.variant, row.state) == ("promote", "bob", "b", "done")
    assert row.approval == approval.id
    assert row.evidence == ("m1", "m2")
    assert row.verdict == {"word": "better"}
    assert row.was["letters"].variant == ""
    assert row.becomes["letters"].variant == "b"
    assert row.becomes["letters"].prompts[WRITER].version == 1
    history = await desk.log.history(experiment="tone")
    assert [(one.kind, one.who, one.reason) for one in history] == [
        ("promote", "bob", "10 points better"), ("approve", "ada", "reads well"),
    ]


async def test_nothing_is_promoted_without_an_approval_by_name(
    desk: PromotionDesk, registry: MemoryRegistry
) -> None:
    with pytest.raises(UsageError, match="nobody has approved b of experiment 'tone'"):
        await desk.promote(released(), shown(), who="bob", seen=0)
    assert registry.aliases == {}
    assert await desk.log.history() == []


async def test_an_approval_is_of_this_text_and_of_no_other(desk: PromotionDesk) -> None:
    await desk.approve(released(text="Write briefly."), who="ada")
    with pytest.raises(UsageError, match=r"ada approved b at .* it was changed since"):
        await desk.promote(released(text="Write at length."), shown(), who="bob", seen=0)


async def test_an_approval_is_of_all_that_the_variant_changes(desk: PromotionDesk) -> None:
    hot = {"agents": {"writer": AgentOverride(temperature=1.5)}}
    await desk.approve(released(), who="ada")
    with pytest.raises(UsageError, match="changed since"):
        await desk.promote(released(**hot), shown(), who="bob", seen=0)


@pytest.mark.parametrize(("changes", "said"), [
    ({"verdict": "running"}, "no verdict .* yet"),
    ({"verdict": "worse"}, "verdict on b .* is worse"),
    ({"verdict": "inconclusive", "why": "too few trials"}, r"inconclusive \(too few trials\)"),
    ({"unproven": {"cost_usd": "broken"}}, "cost_usd is broken"),
    ({"unproven": {"duration_s": "unknown"}}, "duration_s may be broken"),
    ({"definition": "e" * 64}, "not about what would be promoted"),
])
async def test_a_verdict_that_does_not_do_promotes_nothing(
    desk: PromotionDesk, registry: MemoryRegistry, changes: dict[str, Any], said: str
) -> None:
    await desk.approve(released(), who="ada")
    with pytest.raises(UsageError, match=said):
        await desk.promote(released(), shown(**changes), who="bob", seen=0)
    assert (WRITER, "production") not in registry.aliases


async def test_of_two_promotions_at_once_one_wins_and_the_other_is_told_by_whom(
    desk: PromotionDesk, pool: Pool, registry: MemoryRegistry
) -> None:
    other = PromotionDesk(pool, registry)
    await desk.approve(released("b"), who="ada")
    await desk.approve(released("c", "Write in verse."), who="ada")
    seen = await desk.newest(["letters"])

    results = await asyncio.gather(
        desk.promote(released("b"), shown(), who="bob", seen=seen),
        other.promote(released("c", "Write in verse."), shown(variant="c"), who="cy", seen=seen),
        return_exceptions=True,
    )

    [won] = [one for one in results if not isinstance(one, BaseException)]
    [lost] = [one for one in results if isinstance(one, BaseException)]
    assert isinstance(lost, UsageError)
    assert f"{won.who} promoted {won.variant} at " in str(lost)
    assert registry.aliases[WRITER, "production"] == {"b": 1, "c": 2}[won.variant]
    promoted = await desk.log.history(alias="production")
    assert [one.id for one in promoted] == [won.id]


async def test_who_cannot_wait_is_told_who_is_at_it(
    desk: PromotionDesk, pool: Pool, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.approve(released(), who="ada")
    registry.moves_left = 0
    with pytest.raises(RegistryAway):
        await desk.promote(released(), shown(), who="bob", seen=0)
    monkeypatch.setattr("agentdyno.store.promotions.WAIT_S", 0.05)
    async with desk.log.alone():
        with pytest.raises(UsageError, match="bob has been at `promote b` since"):
            await PromotionDesk(pool, registry).rollback(["letters"], who="eve")


async def test_a_rollback_is_back_to_what_was_before_and_on_record(
    desk: PromotionDesk, registry: MemoryRegistry
) -> None:
    await desk.approve(released("b"), who="ada")
    first = await desk.promote(released("b"), shown(), who="bob", seen=0)
    await desk.approve(released("c", "Write in verse."), who="ada")
    second = await desk.promote(
        released("c", "Write in verse."), shown(variant="c"), who="bob", seen=first.id
    )

    back = await desk.rollback(["letters"], who="eve", reason="customers complained")

    assert registry.aliases[WRITER, "production"] == 1
    assert (back.kind, back.undoes, back.who) == ("rollback", second.id, "eve")
    assert back.was["letters"].variant == "c"
    assert back.becomes["letters"].variant == "b"

    again = await desk.rollback(["letters"], who="eve")
    assert again.undoes == first.id
    assert (WRITER, "production") not in registry.aliases
    with pytest.raises(UsageError, match="nothing to roll back"):
        await desk.rollback(["letters"], who="eve")


async def test_two_rollbacks_at_once_take_back_one_promotion(
    desk: PromotionDesk, pool: Pool, registry: MemoryRegistry
) -> None:
    await desk.approve(released(), who="ada")
    first = await desk.promote(released(), shown(), who="bob", seen=0)
    results = await asyncio.gather(
        desk.rollback(["letters"], who="eve", seen=first.id),
        PromotionDesk(pool, registry).rollback(["letters"], who="cy", seen=first.id),
        return_exceptions=True,
    )
    [lost] = [one for one in results if isinstance(one, BaseException)]
    assert isinstance(lost, UsageError)
    assert "rolled back to nothing at" in str(lost)
    assert len(await desk.log.history(alias="production")) == 2


async def test_what_was_rolled_back_needs_a_new_approval(desk: PromotionDesk) -> None:
    await desk.approve(released(), who="ada")
    await desk.promote(released(), shown(), who="bob", seen=0)
    back = await desk.rollback(["letters"], who="eve")
    with pytest.raises(UsageError, match="eve rolled b back"):
        await desk.promote(released(), shown(), who="bob", seen=back.id)
    await desk.approve(released(), who="ada")
    await desk.promote(released(), shown(), who="bob", seen=back.id)


@pytest.mark.parametrize(("moves", "state", "detail"), [
    (0, "abandoned", "before the alias was moved"),
    (1, "done", "the rest was moved now"),
])
async def test_a_promoter_that_dies_in_between_is_seen_and_repaired(
    desk: PromotionDesk, registry: MemoryRegistry, moves: int, state: str, detail: str
) -> None:
    await desk.approve(released(), who="ada")
    registry.moves_left = moves
    with pytest.raises(RegistryAway):
        await desk.promote(released(), shown(), who="bob", seen=0)
    [open_entry] = await desk.log.unfinished()
    assert (open_entry.who, open_entry.kind) == ("bob", "promote")
    registry.moves_left = 100

    [row] = await desk.repair("eve")

    assert (row.id, row.state, row.who, row.ended_by) == (open_entry.id, state, "bob", "eve")
    assert detail in row.detail
    done = {WRITER, EDITOR} if state == "done" else set()
    assert {name for name, alias in registry.aliases if alias == "production"} == done
    assert await desk.repair("eve") == []


async def test_a_promoter_that_dies_before_the_outcome_is_repaired_by_the_next_one(
    desk: PromotionDesk, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.approve(released(), who="ada")
    with monkeypatch.context() as patch:
        async def killed(*_: Any, **__: Any) -> None:
            raise RuntimeError("killed")

        patch.setattr(desk.log, "end", killed)
        with pytest.raises(RuntimeError, match="killed"):
            await desk.promote(released(), shown(), who="bob", seen=0)
    back = await desk.rollback(["letters"], who="eve")
    promoted = await desk.log.get(back.undoes or 0)
    assert (promoted.state, promoted.who, promoted.ended_by) == ("done", "bob", "eve")
    assert "after the alias was moved" in promoted.detail


async def test_an_alias_that_was_moved_elsewhere_is_seen(
    desk: PromotionDesk, registry: MemoryRegistry
) -> None:
    await desk.approve(released("b"), who="ada")
    first = await desk.promote(released("b"), shown(), who="bob", seen=0)
    await registry.register({WRITER: "Somebody wrote this in MLflow."})
    await registry.point("production", {WRITER: 2})
    await desk.approve(released("c", "Write in verse."), who="ada")
    row = await desk.promote(
        released("c", "Write in verse."), shown(variant="c"), who="bob", seen=first.id
    )
    assert row.was["letters"].variant == ""
    assert row.was["letters"].prompts[WRITER].version == 2


@pytest.mark.parametrize("sql", [
    "UPDATE promotion SET who = 'nobody'", "DELETE FROM promotion", "TRUNCATE promotion CASCADE",
    "UPDATE promotion_outcome SET outcome = 'abandoned'", "DELETE FROM promotion_outcome",
])
async def test_the_log_only_grows(desk: PromotionDesk, pool: Pool, sql: str) -> None:
    await desk.approve(released(), who="ada")
    async with pool.connection() as link:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="only grows"):
            await link.execute(sql.encode())
        await link.rollback()
    [row] = await desk.log.history()
    assert row.who == "ada"
