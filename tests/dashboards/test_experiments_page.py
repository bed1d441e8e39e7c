"""The experiments page: what was planned, what is known, what differs, and what is promoted."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from streamlit.testing.v1 import AppTest

from agentdyno.core.experiment import Experiment
from agentdyno.dashboards import promotionview
from agentdyno.experiments.abtest.design import Design
from agentdyno.experiments.abtest.judge import verdict_json
from agentdyno.experiments.abtest.standing import standing
from agentdyno.experiments.abtest.versions import version_of
from agentdyno.store.database import open_pool
from agentdyno.store.experiments import ExperimentStore, LookRow
from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.experiments.registries import MemoryRegistry

Page = Callable[..., AppTest]
_EVIL = "<script>alert(1)</script> **bold** [x](javascript:alert(1)) \u202e{{ name }}"
_OLD = "You are the {{ role }}. Keep to the facts. Say all that you know about the matter at hand."
_NEW = f"You are the {{{{ role }}}}. Keep to the facts. Be brief. {_EVIL}"


def _definition(**changes: Any) -> Experiment:
    return Experiment.model_validate({
        "name": "brevity", "hypothesis": f"Brief prompts cost less. {_EVIL}",
        "scenarios": ["investment_analysis"], "runners": ["crewai", "langgraph"],
        "variants": {"brief": {
            "title": "Be brief", "agents": {"writer": {"instructions": _NEW, "temperature": 0.2}},
        }},
        "metric": "prompt_tokens", "guards": {"tool_calls": 0.5}, "size": {"trials": 4},
    } | changes)


def _design(experiment: Experiment, rounds: int) -> Design:
    arms = (experiment.baseline, *experiment.challengers)
    texts = {"baseline": _OLD, "brief": _NEW}
    return Design(
        arms=arms, cases=("investment_analysis",), rounds=rounds, rounds_per_look=rounds,
        runners=tuple(f"{name}@{made.VERSIONS[name]}" for name in experiment.runners),
        draws=False, cells={}, prompts={arm: {
            "investment_analysis.researcher": "You are the {{ role }}.",
            "investment_analysis.writer": texts[arm],
        } for arm in arms},
    )


async def _start(address: str, experiment: Experiment, rounds: int, ran: int) -> None:
    design = _design(experiment, rounds)
    pool = await open_pool(address)
    try:
        store = ExperimentStore(pool)
        row = await version_of(store, experiment, design, who="ada", new=True)
        trials = {
            arm: [made.analysis(runner, repeat, prompt=prompt, variant=arm)[0].id
                  for runner, prompt in prompts.items() for repeat in range(ran)]
            for arm, prompts in (("baseline", {"crewai": 1200, "langgraph": 900}),
                                 ("brief", {"crewai": 700, "langgraph": 600}))
        }
        look = LookRow(look=1, matrix_id=made.SECOND, rounds=ran, said={"verdicts": []},
                       looked_at=datetime.now(UTC))
        await store.keep_look(row.id, look, trials)
        found = await standing(pool, experiment.name)
        said = {"verdicts": [verdict_json(one) for one in found.verdicts]}
        async with pool.connection() as link:
            await link.execute("UPDATE experiment_look SET said = %s", [json.dumps(said)])
    finally:
        await pool.close()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> MemoryRegistry:
    """The prompt registry, in memory in place of MLflow's."""
    registry = MemoryRegistry()
    monkeypatch.setattr(promotionview, "CompanionRegistry", lambda settings: registry)
    return registry


@pytest.fixture
def over(stored: str) -> str:
    """The store, with an experiment that is over: brief is better and its guard holds."""
    asyncio.run(_start(stored, _definition(), rounds=4, ran=4))
    return stored


@pytest.fixture
def halfway(stored: str) -> str:
    """The store, with an experiment of which half has run."""
    asyncio.run(_start(stored, _definition(), rounds=8, ran=4))
    return stored


def _press(page: AppTest, kind: str) -> AppTest:
    return page.button(key=f"promotion-{kind}").click().run()


def _said(page: AppTest) -> str:
    return "\n".join(e.value for e in (*page.success, *page.error)).replace("\\", "")


def _texts(page: AppTest) -> str:
    return "\n".join(text.value for text in page.text)


def _table(page: AppTest, column: str) -> Any:
    """Return the first row of the table that has this column."""
    return next(one.value.iloc[0] for one in page.dataframe if column in one.value.columns)


def _log(address: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(address) as link:
        return link.execute(query.encode()).fetchall()


def test_an_experiment_shows_what_was_planned_what_is_known_and_what_differs(
    open_page: Page, over: str
) -> None:
    page = open_page("experiments", over)
    assert not page.exception
    (bar,) = page.get("progress")
    assert "decided, 4 of at most 4 repeats, 1 look" in bar.proto.text.replace("\\", "")
    assert bar.proto.value == 100
    assert "brief is better than baseline in prompt_tokens" in _texts(page)
    row = _table(page, "verdict")
    assert (row["variant"], row["verdict"], row["trials that count"]) == (
        "brief", "better", "8 of 8")
    guard = _table(page, "guard")
    assert (guard["guard"], guard["state"], guard["may get worse by"]) == (
        "tool_calls", "holds", "0.5")
    assert page.get("arrow_vega_lite_chart") or page.get("vega_lite_chart")
    difference = next(code.value for code in page.code if code.language == "diff")
    assert "- Say all that you know about the matter at hand." in difference
    assert "+ Be brief." in difference
    assert any('"temperature": 0.2' in code.value for code in page.code)


def test_prompts_and_hypotheses_are_text_and_template_syntax_stays_as_it_is(
    open_page: Page, over: str
) -> None:
    page = open_page("experiments", over)
    new = next(code.value for code in page.code if code.value.startswith("You are the {{ role }}")
               and "script" in code.value)
    assert new == _NEW.replace("\u202e", "\ufffd")
    loose = "\n".join(e.value for e in (*page.markdown, *page.caption))
    assert "<script>" not in loose


def test_an_experiment_that_is_not_over_says_so_and_can_be_approved_but_not_promoted(
    open_page: Page, halfway: str
) -> None:
    page = open_page("experiments", halfway)
    (bar,) = page.get("progress")
    assert bar.proto.value == 50
    assert "agentdyno experiment run brevity" in [code.value for code in page.code]
    assert page.button(key="promotion-promote").disabled
    assert page.button(key="promotion-rollback").disabled
    assert not page.button(key="promotion-approve").disabled
    assert "there is no verdict on brief" in "\n".join(
        caption.value for caption in page.caption).replace("\\", "")


def test_a_variant_is_approved_promoted_and_rolled_back_under_a_name(
    open_page: Page, over: str, registry: MemoryRegistry
) -> None:
    page = open_page("experiments", over)
    page.sidebar.text_input[0].set_value("mira").run()
    writer = "investment_analysis.writer"

    _press(page, "promote")
    assert "nobody has approved brief of experiment 'brevity'" in _said(page)
    assert registry.aliases == {}

    page.text_input(key="promotion_reason").set_value("reads well")
    _press(page, "approve")
    assert not page.exception
    assert "brief of brevity is approved" in _said(page)
    assert registry.aliases[writer, "candidate"] == 1

    _press(page, "promote")
    assert "brief of brevity is in production" in _said(page)
    assert registry.aliases[writer, "production"] == 1
    assert "investment_analysis: brief of brevity in production" in _texts(page)

    _press(page, "rollback")
    assert "brief of brevity is taken out of production" in _said(page)
    assert (writer, "production") not in registry.aliases
    assert page.button(key="promotion-rollback").disabled

    row = _table(page, "did")
    assert (row["did"], row["who"], row["from"], row["to"]) == (
        "rollback", "mira", "brief of brevity", "nothing")
    audit = _log(over, "SELECT who, action, target, detail ->> 'reason' FROM audit ORDER BY id")
    assert audit == [
        ("mira", f"experiment.{verb}", "brevity brief", "reads well")
        for verb in ("approve", "promote", "rollback")
    ]


def test_who_looks_at_an_older_state_moves_nothing(
    open_page: Page, over: str, registry: MemoryRegistry
) -> None:
    page = open_page("experiments", over)
    _press(page, "approve")
    other = open_page("experiments", over)
    _press(other, "promote")
    _press(page, "promote")
    assert "promoted brief at" in _said(page)
    assert "meanwhile; nothing was moved" in _said(page)
    page.run()
    stale = open_page("experiments", over)
    _press(other, "rollback")
    _press(stale, "rollback")
    assert "somebody has promoted or rolled back meanwhile; nothing was done" in _said(stale)
    kinds = _log(over, "SELECT kind FROM promotion ORDER BY id")
    assert [kind for (kind,) in kinds] == ["approve", "promote", "rollback"]


def test_a_registry_that_is_away_is_told_and_what_was_begun_is_seen(
    open_page: Page, over: str, registry: MemoryRegistry
) -> None:
    page = open_page("experiments", over)
    registry.moves_left = 0
    _press(page, "approve")
    assert not page.exception
    assert page.error
    assert "has been at approve brief since" in page.warning[0].value.replace("\\", "")


def test_an_older_version_is_history(open_page: Page, over: str) -> None:
    changed = _definition(metric="completion_tokens")
    asyncio.run(_start(over, changed, rounds=6, ran=4))
    newest = open_page("experiments", over)
    assert newest.selectbox(key="version").value == "2"
    page = open_page("experiments", over, version="1")
    assert not page.exception
    assert "brief is better than baseline in prompt_tokens" in _texts(page)
    assert not [button for button in page.button if str(button.key).startswith("promotion-")]


def test_a_store_without_experiments_says_what_to_run(open_page: Page, database: str) -> None:
    page = open_page("experiments", database)
    assert not page.exception
    assert "No experiment was started" in page.info[0].value
    assert "agentdyno experiment run safe_experimentation" in [c.value for c in page.code]
