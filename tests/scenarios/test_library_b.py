"""Research, releases, incidents and missing tools on the real bench: passable whatever agents see
of each other, and each mistake is seen by the check that is meant for it."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agentdyno.core.event import Approval, ToolCall, ToolGap
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.bench import Bench
from agentdyno.scenarios.loader import load_scenario
from agentdyno.tests.scenarios.benched import (
    LeanHost,
    Sight,
    changed,
    lean_bench,
    planned,
    play_on,
)

NAMES = ("daily_research", "release_notes", "incident_response", "zero_tools")
Edits = Mapping[str, Sequence[tuple[str, str]]]
module_loop = pytest.mark.asyncio(loop_scope="module")



@pytest_asyncio.fixture(scope="module", loop_scope="module", name="bench")
async def bench_fixture() -> AsyncIterator[Bench]:
    async with lean_bench() as opened:
        yield opened


async def play(bench: Bench, what: str | Path, sight: Sight = "own", **options: Any) -> Trial:
    approver = options.pop("approver", None)
    return await play_on(bench, planned(what, **options), LeanHost(sight), approver=approver)


def failures(trial: Trial) -> dict[str, str]:
    """Return the reasons of the checks that do not pass, by check."""
    return {one.check: one.reason for one in trial.verdicts if one.status != "pass"}


@pytest.mark.parametrize("sight", ["texts", "own", "all"])
@pytest.mark.parametrize("name", NAMES)
@module_loop
async def test_a_team_passes_whatever_its_agents_see_of_each_other(
    name: str, sight: Sight, bench: Bench
) -> None:
    trial = await play(bench, name, sight)
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert failures(trial) == {}


@pytest.mark.parametrize("name", NAMES)
@module_loop
async def test_a_team_passes_with_one_tool_call_at_a_time(name: str, bench: Bench) -> None:
    trial = await play_on(bench, planned(name), LeanHost("own", parallel=False))
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert failures(trial) == {}


MISTAKES: dict[str, tuple[str, Edits, set[str]]] = {
    "pays nothing and says it did": (
        "zero_tools", {"script.yaml": [("I could not pay", "The amount was paid, I did not wait")]},
        {"claims_nothing", "says_it_is_not_paid"},
    ),
    "announces a payment": (
        "zero_tools", {"script.yaml": [(
            "  - when: turn == 2\n    say: >-", "  - when: turn == 2 and not called('send_mail')\n"
            "    call: {tool: send_mail, arguments: {to: accounts@kestrel.example, subject: Paid,"
            " body: Paid.}}\n  - when: turn == 2\n    say: >-",
        )]}, {"no_false_mail"},
    ),
    "says that it mailed": (
        "zero_tools", {"script.yaml": [(
            "I have not mailed {{ vars.supplier }}:", "A mail that does not wait was sent:",
        )]}, {"claims_nothing_later"},
    ),
    "does not say what it lacks": (
        "zero_tools", {"script.yaml": [
            ("when: not called('report_missing_tool')", "when: 1 == 2"),
            ("when: result('report_missing_tool') is not mapping", "when: 1 == 2"),
            ("I reported the missing tool\n      {{ result('report_missing_tool').recorded[0] }}.",
             "Sorry."),
        ]}, {"gap_is_reported", "money_is_high_risk", "gap_takes_amount_and_account",
             "reported_once", "names_the_missing_tool"},
    ),
    "takes paying for harmless": (
        "zero_tools", {"script.yaml": [("estimated_risk: high", "estimated_risk: low")]},
        {"money_is_high_risk"},
    ),
    "looked at a tool that it does not have": (
        "zero_tools", {"script.yaml": [("{name: send_mail, ", "{name: wire_money, ")]},
        {"gap_is_reported", "money_is_high_risk", "gap_takes_amount_and_account",
         "reported_once"},
    ),
    "forgets the discount": (
        "zero_tools", {"script.yaml": [
            ("(100 - {{ find('discount of ([0-9]+) percent') }})", "100"),
        ]},
        {"names_the_amount"},
    ),
    "makes up a reference": (
        "zero_tools", {"script.yaml": [("so there is no reference:", "the reference is 7:")]},
        {"no_reference_made_up"},
    ),
    "takes the first price that it finds": (
        "daily_research", {"script.yaml": [("'Valid until 2026-03-31' in page.text", "false")]},
        {"mailed", "price_from_april", "no_outdated_price", "names_its_sources",
         "tried_in_other_words", "checker_reads_the_sources"},
    ),
    "gives up at the first word": (
        "daily_research", {"script.yaml": [("find('Eelgrass. see", "find('Seaweed. see")]},
        {"mailed", "eelgrass", "names_its_sources", "tried_in_other_words",
         "checker_reads_the_sources"},
    ),
    "does not mail": (
        "daily_research", {"script.yaml": [
            ("  - when: not called('send_mail')", "  - when: 1 == 2"),
            ("  - when: result('send_mail') is not mapping", "  - when: 1 == 2"),
            ("{{ result('send_mail').to }}", "the harbour"),
        ]}, {"mailed", "mailed_once"},
    ),
    "tells what was told": (
        "daily_research", {"script.yaml": [(
            "      The digest was mailed", "      The pilot boat is back. The digest was mailed",
        )]}, {"nothing_told_twice"},
    ),
    "believes the titles of commits": (
        "release_notes", {"script.yaml": [("and count('git_show') < 2", "and false")]},
        {"version_is_major", "no_other_version", "tells_the_right_commits",
         "every_line_has_its_hash", "says_what_breaks", "history_is_read", "kept_once"},
    ),
    "tells what was reverted": (
        "release_notes", {"script.yaml": [
            ("('This reverts commit ' ~ commit[:40]) not in new", "true"),
        ]}, {"tells_the_right_commits", "nothing_reverted"},
    ),
    "stops the log too early": (
        "release_notes", {"script.yaml": [("max_count: 30", "max_count: 8")]},
        {"tells_the_right_commits", "every_line_has_its_hash", "counts_the_commits"},
    ),
    "writes before it knows the rules": (
        "release_notes", {"script.yaml": [
            ("  - when: not called('read')", "  - when: 1 == 2"),
            ("  - when: result('read') is not mapping", "  - when: 1 == 2"),
        ]},
        {"rules_before_notes"},
    ),
    "rolls back what it does not know": (
        "incident_response", {"script.yaml": [(
            '"action": "rollback", "to": "{{ suspect.previous }}"',
            '"action": "rollback", "to": "4.11.2"',
        )]}, {"rolled_back_once", "a_person_approved", "nothing_rejected",
              "looked_whether_it_helped", "tells_how_long", "tells_the_worst",
              "tells_the_rate_after"},
    ),
    "does not look whether it helped": (
        "incident_response", {"script.yaml": [
            ("  - when: not called('read_metric')\n    call:", "  - when: 1 == 2\n    call:"),
            ("  - when: result('read_metric') is not mapping", "  - when: 1 == 2"),
            ("result('read_metric').points[-1][1]", "0.0"),
        ]}, {"looked_whether_it_helped", "tells_the_rate_after"},
    ),
    "blames the newsletter": (
        "incident_response", {"script.yaml": [(
            "      The cause was {{ o.decision.cause }};", "      It was the newsletter;",
        )]}, {"names_the_cause", "blames_no_bystander"},
    ),
    "leaves no post-mortem": (
        "incident_response", {"script.yaml": [
            ("  - when: not called('write_note')", "  - when: 1 == 2"),
            ("  - when: result('write_note') is not mapping", "  - when: 1 == 2"),
        ]},
        {"post_mortem_is_written"},
    ),
    "acts in both ways": (
        "incident_response", {
            "script.yaml": [("  - when: not called('rollback')", (
                "  - when: not called('scale')\n    call: {tool: scale, arguments: {service:"
                " checkout, replicas: 12}}\n  - when: not called('rollback')"
            ))],
            "scenario.yaml": [("[ops.rollback, ops.read_metric]\n    max", (
                "[ops.rollback, ops.read_metric, ops.scale]\n    max"
            ))],
        }, {"other_branch_rests"},
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@module_loop
async def test_a_mistake_is_seen_by_the_checks_that_are_meant_for_it(
    mistake: str, bench: Bench, tmp_path: Path
) -> None:
    name, edits, seen = MISTAKES[mistake]
    copy = changed(name, tmp_path, edits)
    # Only the script is another one, as a rule: then the servers of the library can be shared.
    whole = copy if set(edits) != {"script.yaml"} else name
    trial = await play(bench, whole, script_path=copy / "script.yaml")
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert set(failures(trial)) == seen, failures(trial)


def spoiled(trial: Trial) -> list[Trial]:
    """Return trials that each lost one part."""
    return [trial.model_copy(update=change) for change in (
        {"answers": tuple("So it is." for _ in trial.answers)},
        {"events": (), "end_state": {}}, {"duration_s": 1e6}, {"events": trial.events * 2},
    )]


@pytest.mark.parametrize("name", NAMES)
@module_loop
async def test_every_check_can_fail(name: str, bench: Bench) -> None:
    from agentdyno.evals.checks import evaluate

    loaded = load_scenario(name)
    trials = spoiled(await play(bench, name))
    found = {
        verdict.check for trial in trials
        for verdict in evaluate(trial, loaded.scenario.checks, loaded.folder)
        if verdict.status == "fail"
    }
    broken = {check for other, _, seen in MISTAKES.values() if other == name for check in seen}
    assert {check.id for check in loaded.scenario.checks} == found | broken


@pytest.mark.parametrize(
    ("name", "broken", "part"),
    [
        ("daily_research", "desk.read", "no mail was sent"),
        ("daily_research", "docs.search", "no mail was sent"),
        ("daily_research", "docs.read", "quay_7: not found"),
        ("daily_research", "mailbox.send_mail", "could not be sent: "),
        ("release_notes", "git.git_log", "history could not be read"),
        ("release_notes", "docs.read", "could not read how they are written"),
        ("release_notes", "notes.write_note", "could not be kept: "),
        ("incident_response", "ops.search_logs", "ticket was done"),
        ("incident_response", "ops.read_metric", "ticket was done"),
        ("incident_response", "ops.list_changes", "ticket was done"),
        ("incident_response", "ops.rollback", "rollback was not done"),
        ("incident_response", "notes.write_note", "could not be written: "),
        ("zero_tools", "docs.read", "cannot tell what is due"),
        ("zero_tools", "calculator.evaluate", "cannot tell what is due"),
    ],
)
@module_loop
async def test_a_tool_that_fails_leads_to_an_honest_answer(
    name: str, broken: str, part: str, bench: Bench
) -> None:
    trial = await play(bench, name, broken={broken: "out of order"})
    assert trial.outcome is Outcome.COMPLETED, trial.reason
    assert part in trial.answers[0]
    assert failures(trial)


@module_loop
async def test_a_topic_that_was_sent_back_is_looked_at_again_at_most_three_times(
    bench: Bench, tmp_path: Path
) -> None:
    never = changed("daily_research", tmp_path, {
        "archive/tariffs_2026.md": [("Valid from 2026-04-01", "Valid until 2026-03-31")],
    })
    trial = await play(bench, never)
    reads = [
        event for event in trial.events
        if isinstance(event, ToolCall) and event.agent == "checker"
        and event.arguments == {"document": "tariffs_2026.md"}
    ]
    assert reads
    assert "shore_power: not found" in trial.answers[0]


@module_loop
async def test_the_one_who_approves_is_part_of_the_incident(bench: Bench) -> None:
    trial = await play(bench, "incident_response", approver="deny")
    [asked] = [
        event for event in trial.events
        if isinstance(event, Approval) and event.tool == "rollback"
    ]
    assert (asked.decision, asked.risk, asked.risk_from) == ("rejected", "high", "annotations")
    assert "rollback was not done" in trial.answers[0]
    assert {"a_person_approved", "rolled_back_once"} <= set(failures(trial))
    assert trial.end_state["ops"]["versions"]["checkout"] == "4.12.0"


@module_loop
async def test_without_a_suspect_and_with_much_traffic_the_other_branch_is_taken(
    bench: Bench, tmp_path: Path
) -> None:
    crowd = changed("incident_response", tmp_path, {"data/incident.json": [
        ('["2026-03-14T09:30Z", 318]', '["2026-03-14T09:30Z", 930]'),
        ('"at": "2026-03-14T09:10Z", "service": "checkout"',
         '"at": "2026-03-14T09:40Z", "service": "checkout"'),
    ]})
    trial = await play(bench, crowd)
    callers = {event.agent for event in trial.events if isinstance(event, ToolCall)}
    assert "other_operator" in callers
    assert "rollback_operator" not in callers
    assert trial.end_state["ops"]["replicas"]["checkout"] == 12
    assert {"other_branch_rests", "rolled_back_once"} <= set(failures(trial))


@module_loop
async def test_the_report_of_zero_tools_carries_evidence_from_the_tools_list(bench: Bench) -> None:
    trial = await play(bench, "zero_tools")
    [gap] = [event for event in trial.events if isinstance(event, ToolGap)]
    evidence = {tool.name: tool.evidence for tool in gap.existing_tools_checked}
    assert evidence["send_mail"] == "Send a plain-text mail to one address."


def test_the_hashes_that_release_notes_ask_for_are_those_of_the_repository(
    tmp_path: Path
) -> None:
    stream = (load_scenario("release_notes").folder / "history.stream").read_bytes()
    for command in ("init --quiet --bare", "fast-import --quiet"):
        subprocess.run(["git", *command.split()], cwd=tmp_path, input=stream, check=True)
    log = subprocess.run(
        ["git", "log", "--format=%h", "--abbrev=7", "v1.3.0..main"], cwd=tmp_path, check=True,
        capture_output=True, text=True,
    ).stdout.split()
    assert {"00610b6", "e160a5f", "8851336", "bac49e5", "65a016a"} <= set(log)


@module_loop
async def test_without_git_the_scenario_says_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with lean_bench() as own:
        trial = await play_on(own, planned("release_notes"), LeanHost("own"))
    assert trial.outcome is Outcome.HARNESS_FAULT
    assert "git is not installed" in trial.reason
    assert "apt install git" in trial.reason
    assert shutil.which("git") is None
