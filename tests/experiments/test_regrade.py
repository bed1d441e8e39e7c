"""Stored trials are graded again by the checks that their scenarios have now."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.experiments.regrade import Change, Scope, regrade
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.gradings import GradingStore, read_verdicts
from agentdyno.store.trials import TrialStore

SCENARIO = """\
name: small
title: t
user: [Go.]
agents:
  solo: {{role: r, goal: g, instructions: i}}
pattern: {{type: single, agent: solo}}
arrangements:
  other: {{title: u, pattern: {{type: pipeline, steps: [solo]}}}}
{cases}checks:
{checks}
"""
HOLD = "- {id: says_hold, type: contains, text: Hold}"
SHORT = "- {id: short, type: regex, pattern: '^.{1,9}$'}"


def write(folder: Path, *checks: str, cases: str = "", name: str = "small") -> Path:
    text = SCENARIO.format(checks="\n".join(checks), cases=cases).replace("small", name)
    (folder / "scenario.yaml").write_text(text)
    return folder


def sealed(number: int, answer: str, *verdicts: Verdict, **key: Any) -> Trial:
    whole = {"scenario": "small", "scenario_digest": "0", "runner": "langgraph",
             "runner_version": "1", "runner_digest": "0", "model_digest": "0", "repeat": number}
    return Trial(
        id=f"{number:020x}", key=TrialKey(**(whole | key)), outcome=Outcome.COMPLETED,
        answers=(answer,), user_turns=("Go.",), started_at="2026-11-21T10:00:00+00:00",
        duration_s=1.0, report=WorkerReport(ended="returned"), verdicts=verdicts,
    )


def held(status: Any = "fail") -> Verdict:
    return Verdict(check="says_hold", status=status, reason="as it was")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database)
    yield opened
    await opened.close()


async def stored(pool: Pool, *trials: Trial, scenarios: tuple[str, ...] = ()) -> str:
    store = TrialStore(pool)
    matrix = await store.create_matrix("agentdyno run", {"scenarios": list(scenarios)})
    await store.save(matrix, [(trial, ()) for trial in trials])
    return matrix


async def test_present_checks_replace_the_verdicts_and_say_what_changed(
    pool: Pool, tmp_path: Path
) -> None:
    gone = Verdict(check="polite", status="pass", reason="please")
    first, second = sealed(1, "Hold.", held(), gone), sealed(2, "Sell it all now.", held())
    await stored(pool, first, second)
    scope = Scope(scenarios=(str(write(tmp_path, HOLD, SHORT)),))
    result = await regrade(GradingStore(pool), scope, command="agentdyno score")
    assert (result.graded, result.changed, result.passing) == (2, 2, 1)
    assert dict(result.changes) == {
        Change(situation="small", check="says_hold", old="fail", new="pass"): [first.id],
        Change(situation="small", check="short", old="new", new="pass"): [first.id],
        Change(situation="small", check="polite", old="pass", new="gone"): [first.id],
        Change(situation="small", check="short", old="new", new="fail"): [second.id],
    }
    now = await TrialStore(pool).get(first.id)
    assert [(v.check, v.status) for v in now.verdicts] == [("says_hold", "pass"), ("short", "pass")]
    assert now.model_copy(update={"verdicts": first.verdicts}) == first
    [row] = [row for row in await TrialStore(pool).list() if row.id == first.id]
    assert (row.passed, row.failed, row.undecided) == (2, 0, 0)


async def test_what_a_trial_was_given_before_is_kept(
    pool: Pool, database: str, tmp_path: Path
) -> None:
    trial = sealed(1, "Hold.", held())
    await stored(pool, trial)
    store = GradingStore(pool)
    for checks in ((HOLD,), (HOLD, SHORT)):
        scope = Scope(scenarios=(str(write(tmp_path, *checks)),))
        await regrade(store, scope, command="agentdyno score")
    assert await store.sealed(trial.id) == trial.verdicts
    one, two = await store.history(trial.id)
    assert [len(read_verdicts(grading.verdicts)) for grading in (one, two)] == [1, 2]
    assert one.command == "agentdyno score"
    with psycopg.connect(database) as link:
        rows = link.execute("SELECT check_id, status FROM verdict ORDER BY seq").fetchall()
    assert rows == [("says_hold", "pass"), ("short", "pass")]


async def test_grading_again_without_a_change_changes_nothing(pool: Pool, tmp_path: Path) -> None:
    await stored(pool, sealed(1, "Hold.", held()))
    scope = Scope(scenarios=(str(write(tmp_path, HOLD)),))
    store = GradingStore(pool)
    dry = await regrade(store, scope, command="c", dry=True)
    assert (dry.changed, dry.grading) == (1, None)
    assert (await regrade(store, scope, command="c")).changed == 1
    again = await regrade(store, scope, command="c")
    assert (again.graded, again.changed, again.grading, dict(again.changes)) == (1, 0, None, {})


async def test_trials_whose_scenario_is_gone_are_refused_and_the_others_graded(
    pool: Pool, tmp_path: Path
) -> None:
    folder = write(tmp_path, HOLD, cases="cases: {north: {}}\n")
    await stored(pool, sealed(1, "Hold.", held(), case="north"), sealed(2, "", case="south"),
                 sealed(3, "Hold.", scenario="small.other"), sealed(4, "", scenario="small.third"),
                 scenarios=(str(folder),))
    await stored(pool, sealed(5, "", scenario="lost"), scenarios=(str(tmp_path / "nowhere"),))
    result = await regrade(GradingStore(pool), Scope(), command="c")
    assert (result.graded, result.changed) == (2, 2)
    refused = {one.situation: one.why for one in result.refused}
    assert list(refused) == ["small:south", "small.third", "lost"]
    assert "there is no scenario 'lost'" in refused["lost"]
    assert len((await TrialStore(pool).get(f"{3:020x}")).verdicts) == 1


async def test_a_scenario_is_found_where_its_run_found_it(pool: Pool, tmp_path: Path) -> None:
    await stored(pool, sealed(1, "Hold."), scenarios=(str(write(tmp_path, HOLD)),))
    assert (await regrade(GradingStore(pool), Scope(), command="c")).passing == 1


async def test_only_the_trials_that_are_asked_for_are_graded(pool: Pool, tmp_path: Path) -> None:
    folder = str(write(tmp_path, HOLD, cases="cases: {north: {}, south: {}}\n"))
    matrix = await stored(pool, sealed(1, "Hold.", case="north"), sealed(2, "Hold.", case="south"))
    await stored(pool, sealed(3, "Hold.", case="south", runner="autogen"))
    for scope, count in (
        (Scope(scenarios=(folder,)), 3), (Scope(scenarios=(f"{folder}:south",)), 2),
        (Scope(scenarios=(folder,), matrix=matrix), 2),
        (Scope(scenarios=(folder,), runner="autogen"), 1),
    ):
        result = await regrade(GradingStore(pool), scope, command="c", dry=True)
        assert result.graded == count, scope


async def test_nothing_is_graded_while_a_file_holds_problems(pool: Pool, tmp_path: Path) -> None:
    folder = write(tmp_path, HOLD)
    await stored(pool, sealed(1, "Hold."), scenarios=(str(folder),))
    write(tmp_path, "- {id: says_hold, type: contain, text: Hold}")
    with pytest.raises(InputError, match=r"scenario\.yaml:10"):
        await regrade(GradingStore(pool), Scope(), command="c")
    with pytest.raises(UsageError, match="there is no scenario 'lost'"):
        await regrade(GradingStore(pool), Scope(scenarios=("lost",)), command="c")


async def test_what_the_wire_said_stays(pool: Pool, tmp_path: Path) -> None:
    wire = Verdict(check="conformance/no_retries", status="fail", reason="tried again")
    await stored(pool, sealed(1, "Hold.", wire))
    scope = Scope(scenarios=(str(write(tmp_path, HOLD)),))
    await regrade(GradingStore(pool), scope, command="c")
    verdicts = (await TrialStore(pool).get(f"{1:020x}")).verdicts
    assert [v.check for v in verdicts] == ["says_hold", "conformance/no_retries"]


async def test_a_new_attempt_counts_with_its_own_verdicts(pool: Pool, tmp_path: Path) -> None:
    trial = sealed(1, "Hold.", held())
    await stored(pool, trial)
    scope = Scope(scenarios=(str(write(tmp_path, HOLD)),))
    await regrade(GradingStore(pool), scope, command="c")
    record = WireRecord(seq=0, channel="model", agent="solo", started_s=0, request="", response="")
    store = TrialStore(pool)
    await store.save(await store.create_matrix("again", {}), [(trial, (record,))])
    assert (await store.get(trial.id)).verdicts == trial.verdicts


async def test_a_check_that_raises_is_an_error_and_never_a_pass(
    pool: Pool, tmp_path: Path
) -> None:
    (tmp_path / "checks.py").write_text(
        "import agentdyno\n@agentdyno.check\ndef broken(trial): return 1 / 0\n"
    )
    await stored(pool, sealed(1, "Hold."))
    folder = write(tmp_path, "- {id: own, type: python, function: 'checks.py:broken'}")
    result = await regrade(GradingStore(pool), Scope(scenarios=(str(folder),)), command="c")
    assert result.passing == 0
    [verdict] = (await TrialStore(pool).get(f"{1:020x}")).verdicts
    assert verdict.status == "error"
    assert "ZeroDivisionError: division by zero, checks.py line 3" in verdict.reason
