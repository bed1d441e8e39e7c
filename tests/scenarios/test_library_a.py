"""Budget, triage, review and the other arrangements: passable however much agents see of each
other, and not by accident: what goes wrong in a script or in an answer fails its checks."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from agentdyno.core.trial import Trial
from agentdyno.evals.checks import evaluate
from agentdyno.scenarios.loader import LoadedScenario, load_scenario
from agentdyno.tests.scenarios.lean import Sight

Play = Callable[..., Awaitable[Trial]]
BUDGET, TRIAGE, REVIEW = "budget_allocation", "support_triage", "report_review"
TALK, MANAGED = "investment_analysis.round_robin", "investment_analysis.supervisor"
NAMES = (TALK, MANAGED, BUDGET, TRIAGE, REVIEW)


def statuses(loaded: LoadedScenario, trial: Trial) -> dict[str, str]:
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    return {verdict.check: verdict.status for verdict in verdicts}


def failures(loaded: LoadedScenario, trial: Trial) -> set[str]:
    found = statuses(loaded, trial)
    assert set(found.values()) <= {"pass", "fail"}
    return {check for check, status in found.items() if status == "fail"}


@pytest.mark.parametrize("parallel", [True, False])
@pytest.mark.parametrize("sight", ["texts", "own", "all"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_team_passes_whatever_its_agents_see_of_each_other(
    name: str, sight: Sight, parallel: bool, play: Play
) -> None:
    loaded = load_scenario(name)
    trial = await play(name, parallel=parallel, sight=sight)
    verdicts = evaluate(trial, loaded.scenario.checks, loaded.folder)
    assert [verdict for verdict in verdicts if verdict.status != "pass"] == []


ADDED = {
    TALK: 'buy ["AAPL", "IBM"]: "pair": ["AAPL", "IBM"]',
    MANAGED: 'buy ["AAPL", "IBM"]: "pair": ["AAPL", "IBM"]',
    BUDGET: "Engineering has signed for 912,000 euros in salaries.",
    TRIAGE: "Your shop is up again, and 28.44 euros have been paid.",
    REVIEW: 'The rate rose by 3.8 %. "incident": "B-2017"',
}


def spoiled(name: str, trial: Trial) -> list[Trial]:
    """Return trials that each went wrong in one way; together they break every check."""
    digits = str.maketrans("0123456789", "1234567890")
    said = {
        "cut": tuple("yes" for _ in trial.answers),
        "changed": tuple(answer.translate(digits) for answer in trial.answers),
        "smaller": tuple(answer.replace('": ', '": 0.') for answer in trial.answers),
        "added": tuple(f"{answer}\n\n{ADDED[name]}" for answer in trial.answers),
    }
    return [
        *(trial.model_copy(update={"answers": answers}) for answers in said.values()),
        trial.model_copy(update={"events": (), "end_state": {}}),
        trial.model_copy(update={"duration_s": 1e6}),
        trial.model_copy(update={"events": trial.events * 2}),
    ]


@pytest.mark.parametrize("name", NAMES)
async def test_every_check_of_a_team_can_fail(name: str, play: Play) -> None:
    loaded = load_scenario(name)
    trials = spoiled(name, await play(name))
    failed = set().union(*(failures(loaded, trial) for trial in trials))
    assert failed == {check.id for check in loaded.scenario.checks}


Change = tuple[str, str, str]
"""File of the scenario's folder, a text in it, and what stands there instead."""


async def mutated(name: str, changes: list[Change], folder: Path, play: Play) -> set[str]:
    """Return the checks that fail when the scripted team behaves in another way."""
    base, _, arrangement = name.partition(".")
    copied = folder / base
    shutil.copytree(load_scenario(base).folder, copied)
    for file, old, new in changes:
        text = (copied / file).read_text()
        assert old in text, f"{file} does not hold {old!r}"
        (copied / file).write_text(text.replace(old, new))
    path = f"{copied}.{arrangement}" if arrangement else str(copied)
    return failures(load_scenario(path), await play(path))


SCRIPT = "script.yaml"
MISTAKES: dict[str, tuple[str, list[Change], set[str]]] = {
    "engineering agrees to less than it has signed for": (
        BUDGET, [(SCRIPT, "' ~ find('engineering signed ([0-9 +]+[0-9])') ~ ')').value >= 0",
                  "' ~ find('engineering signed ([0-9 +]+[0-9])') ~ ')').value >= -1e9")],
        {"engineering_minimum"},
    ),
    "finance keeps a thousand euros more than there are": (
        BUDGET, [(SCRIPT, '"finance": {{ a.finance }}', '"finance": {{ a.finance + 1000 }}')],
        {"sum_matches"},
    ),
    "finance tells what engineering pays in salaries": (
        BUDGET, [(SCRIPT, "and all three have signed:", "912,000 euros of it for engineers:")],
        {"plans_stay_private"},
    ),
    "marketing agrees without signing": (
        BUDGET, [(SCRIPT, "title: Sign-off marketing", "title: Marketing")],
        {"marketing_signs_once", "sum_matches", "well_formed", "finance_minimum",
         "engineering_minimum", "marketing_minimum", "finance_leads_by_the_book",
         "finance_looks_before_it_signs"},
    ),
    "the critic waves the first draft through": (
        REVIEW, [(SCRIPT, "  critic:\n", "  critic:\n  - say: No objections.\n")],
        {"rate_before", "rate_after", "change_is_in_points", "no_change_in_per_cent",
         "open_incident_is_named", "well_formed", "critic_verifies", "first_draft_is_sent_back",
         "approved_once"},
    ),
    "the writer mends the first objection alone": (
        REVIEW, [(SCRIPT, "or 'open_incidents' in", "or 'nothing' in")],
        {"open_incident_is_named", "well_formed", "approved_once"},
    ),
    "the writer mends the second objection alone": (
        REVIEW, [(SCRIPT, "or 'percentage_points' in", "or 'nothing' in")],
        {"rate_before", "rate_after", "change_is_in_points", "no_change_in_per_cent",
         "well_formed", "approved_once"},
    ),
    "the engineer promises what no check has said": (
        TRIAGE, [(SCRIPT, "I cannot name an hour for that.", "Your shop is up again in a minute.")],
        {"no_false_comfort"},
    ),
    "the engineer keeps the customer who wants a person": (
        TRIAGE, [(SCRIPT, "  technical:\n  - when: \"'person' in user or 'cancel' in user\"",
                  "  technical:\n  - when: \"'nobody' in vars\"")],
        {"outage_credit", "rule_is_named", "ticket_is_named", "escalated_once",
         "escalated_by_the_book", "duty_manager_is_told", "call_is_announced",
         "case_is_found_again", "the_last_desk_keeps_it"},
    ),
    "the escalation claims a ticket that it never opened": (
        TRIAGE, [(SCRIPT, "  - when: not called('open_ticket')\n",
                  "  - when: not result('open_ticket')\n"
                  "    say: By sla.md 28.44 euros are due; your ticket T-4101 waits.\n"
                  "  - when: not called('open_ticket')\n")],
        {"escalated_once", "escalated_by_the_book", "duty_manager_is_told", "call_is_announced",
         "the_last_desk_keeps_it"},
    ),
    "the manager forgets the writer": (
        MANAGED, [("supervisor.yaml", "not block('recommendation') and calls_now() < 3",
                   "not block('recommendation') and calls_now() < 2")],
        {"names_the_pair", "says_it_was_sent", "names_the_window", "ibm_growth", "goog_volatility",
         "goog_drawdown", "correlation", "pair_volatility", "well_formed", "mailed",
         "mailed_once"},
    ),
    "the mail leaves out what the colleagues asked for": (
        TALK, [(SCRIPT, "A share that comes back within its limit in a later window would reopen"
                " the choice.", "")],
        {"mail_says_what_is_left_out"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_team_that_makes_a_mistake_fails_the_checks_about_it(
    mistake: str, tmp_path: Path, play: Play
) -> None:
    name, changes, expected = MISTAKES[mistake]
    assert expected <= await mutated(name, changes, tmp_path, play)


HONEST = [
    (BUDGET, "read", -1, "I cannot open our plan"),
    (BUDGET, "evaluate", -1, "I cannot compute a proposal"),
    (BUDGET, "write_note", -1, "The register lacks a signature"),
    (BUDGET, "list_notes", -1, "the register does not work"),
    (REVIEW, "read", -1, "There is no report"),
    (REVIEW, "evaluate", -1, "There is no report"),
    (TRIAGE, "find_customer", 0, "I could not look you up"),
    (TRIAGE, "list_invoices", 0, "Nothing was changed"),
    (TRIAGE, "issue_credit", 0, "I could not credit it"),
    (TRIAGE, "check_site", 1, "Nothing was done to it"),
    (TRIAGE, "restart_site", 1, "I could not restart it"),
    (TRIAGE, "evaluate", 2, "I cannot compute what is due"),
    (TRIAGE, "open_ticket", 2, "Nobody has been told yet"),
    (TRIAGE, "send_mail", 2, "my mail to him failed"),
    (TRIAGE, "get_ticket", 3, "I could not read your ticket"),
    (MANAGED, "returns", -1, "There is no recommendation"),
    (MANAGED, "volatility", -1, "the analyst came to no pair"),
    (MANAGED, "send_mail", -1, "does not lie before the committee"),
    (TALK, "returns", -1, "There is no recommendation"),
    (TALK, "send_mail", -1, "could not be mailed"),
]


@pytest.mark.parametrize(("name", "tool", "turn", "words"), HONEST)
async def test_a_team_says_what_a_broken_tool_kept_it_from(
    name: str, tool: str, turn: int, words: str, play: Play
) -> None:
    trial = await play(name, {tool: "out of order"})
    assert words in trial.answers[turn]
    assert failures(load_scenario(name), trial)


async def test_the_negotiation_takes_three_rounds_and_ends_where_every_minimum_holds(
    play: Play
) -> None:
    trial = await play(BUDGET)
    assert '"finance": 490000, "engineering": 1258000, "marketing": 652000' in trial.answers[-1]
    assert '"rounds": 3' in trial.answers[-1]
    assert list(trial.end_state["register"]["notes"]) == [
        "Sign-off engineering", "Sign-off marketing", "Sign-off finance"
    ]


async def test_the_first_review_names_two_objections_and_the_second_none(play: Play) -> None:
    trial = await play(REVIEW)
    filed = trial.end_state["reviews"]["notes"]
    assert list(filed) == ["Review 1", "Approval"]
    assert "not in percentage points (rule 1)" in filed["Review 1"]
    assert "B-2031 is left out (rule 2)" in filed["Review 1"]


async def test_a_department_that_cannot_be_paid_leads_to_no_budget(
    tmp_path: Path, play: Play
) -> None:
    plan = "docs/marketing/marketing_plan.md"
    failed = await mutated(
        BUDGET, [(plan, "272000 + 148000", "282000 + 148000")], tmp_path, play
    )
    assert {"sum_matches", "well_formed", "marketing_signs_once"} <= failed
    trial = await play(str(tmp_path / BUDGET))
    assert "There is no agreement and no budget." in trial.answers[-1]


@pytest.mark.parametrize("name", [BUDGET, TRIAGE, REVIEW])
def test_what_must_be_true_is_computed_apart_from_the_tools(name: str) -> None:
    assert "agentdyno" not in (load_scenario(name).folder / "reference.py").read_text()
