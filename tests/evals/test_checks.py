"""Each type of check: what passes, what fails and why, and what is nobody's pass."""

from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from agentdyno.core.check import CheckSpec
from agentdyno.core.event import (
    MemoryAccess,
    Message,
    ModelCall,
    Step,
    TokenCount,
    ToolCall,
    ToolsListed,
)
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import CHECKS, evaluate

ADAPTER: TypeAdapter[CheckSpec] = TypeAdapter(CheckSpec)
FIRST = "The canary soaks for 45\nminutes."
LAST = 'Growth was −1,234.50 %.\n\n```json old\n{"a": "x"}\n```\n\n```json result\n{"a": 1}\n```\n'


def call(
    tool: str, agent: str = "reader", *, is_error: bool = False, **arguments: Any
) -> ToolCall:
    server, _, name = tool.partition(".")
    return ToolCall(
        agent=agent, started_s=0, ended_s=0, ordinal=0, server=server, tool=name,
        arguments=arguments, is_error=is_error, result_text="",
    )


def refused(call: ToolCall, kind: Any) -> ToolCall:
    return call.model_copy(update={"is_error": True, "error_kind": kind})


def step(action: Any, agent: str, to: str, name: str = "") -> Step:
    return Step(agent=agent, started_s=0, ended_s=0, action=action, to=to, name=name)


def says(agent: str, text: str) -> Message:
    return Message(agent=agent, started_s=0, ended_s=0, text=text)


TEAM = (
    ToolsListed(agent="reader", started_s=0, ended_s=0, tools=(
        {"name": "search", "annotations": {"readOnlyHint": True}}, {"name": "read"},
    )),
    step("round", "", ""), says("reader", "The canary soaks."),
    step("handoff", "reader", "writer"), step("delegated", "writer", "reader", "Look again."),
    says("writer", "Noted."), says("writer", "And sent."), step("round", "", ""),
    says("reader", "Done."),
)

WRONG = (
    call("desk.open", "writer", n=1), refused(call("desk.open", "writer", n=1), "timeout"),
    refused(call("desk.burn", "writer"), "not_allowed"),
    refused(call("desk.open", "writer", n=2), "rejected"),
)


def trial(**changes: Any) -> Trial:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    model = ModelCall(agent="reader", started_s=0, ended_s=0, ordinal=0, api="chat", model="m",
                      stream=False, status=200,
                      tokens=TokenCount(prompt=40, prompt_tools=0, completion=2))
    refused = model.model_copy(update={"tokens": None, "status": 400})
    memory = MemoryAccess(agent="reader", started_s=0, ended_s=0, operation="search",
                          query="what the chair likes", mode="lexical", hits=("1", "2"))
    whole: dict[str, Any] = {
        "id": "t", "key": key, "outcome": Outcome.COMPLETED, "answers": (FIRST, LAST),
        "user_turns": ("a", "b"), "started_at": "2026-01-01T00:00:00Z", "duration_s": 2.5,
        "events": (
            model, refused,
            call("docs.search", query="soak", limit=3),
            call("docs.read", is_error=True, document="x"),
            call("docs.read", document="runbook", deep={"on": True, "n": [1, 2]}),
            call("notes.write", "writer", title="t"),
            memory, *TEAM,
        ),
        "end_state": {"mailbox": {"outbox": [
            {"id": 1, "to": "a@x.org", "subject": "Hello", "body": "no figures"},
            {"id": 2, "to": "b@x.org, Chair@x.org", "subject": "Advice", "body": "buy\n45"},
        ]}, "shop": {"orders": {"7": {"paid": True, "lines": [{"sku": "a", "n": 2.0}]}},
                     "cash": 12.5, "day": "2026-01-02"}},
        "report": WorkerReport(ended="returned"),
    }
    return Trial(**(whole | changes))


def verdict(spec: dict[str, Any], folder: Path = Path(), **changes: Any) -> Verdict:
    check = ADAPTER.validate_python({"id": "c", **spec})
    [found] = evaluate(trial(**changes), [check], folder)
    assert found.check == "c"
    return found


def test_every_type_of_check_has_an_answer() -> None:
    union = get_args(CheckSpec)[0]
    types = {get_args(t.model_fields["type"].annotation)[0] for t in get_args(union)}
    assert set(CHECKS) == types - {"judge"}, "judges are asked before a trial is stored"


MADE: list[dict[str, Any]] = [
    {"tool": "docs.search", "arguments": {"limit": 3.0, "query": "soak"}},
    {"tool": "docs.read", "arguments": {"document": "x"}},
    {"tool": "docs.read", "arguments": {"document": "runbook", "deep": {"n": [1, 2], "on": True}}},
    {"tool": "notes.write", "arguments": {"title": "t"}},
]
PASSES: list[dict[str, Any]] = [
    {"type": "contains", "text": "45 minutes", "turn": 1},
    {"type": "contains", "text": "GROWTH", "ignore_case": True},
    {"type": "contains", "text": "45 minutes", "absent": True},
    {"type": "regex", "pattern": r"(?i)growth was"},
    {"type": "regex", "pattern": "canary", "absent": True},
    {"type": "json_schema", "answer_schema": {"properties": {"a": {"type": "integer"}}}},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1234.5},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1234, "abs_tol": 0.5},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1200, "rel_tol": 0.03},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1235, "compare": "at_least"},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1234.5, "compare": "at_least"},
    {"type": "numeric", "find": "was (.*?)%", "expected": -1234, "compare": "at_most"},
    {"type": "numeric", "find": r"(\d)", "take": "sum", "turn": 1, "expected": 9},
    {"type": "tools_called", "tools": ["docs.read", "docs.search", "notes.write"]},
    {"type": "tools_called", "tools": ["docs.search", "docs.read"], "order": True},
    {"type": "tools_called", "agent": "writer", "forbidden": ["docs.*"]},
    {"type": "tools_called", "calls": [{"tool": "docs.search", "arguments": {"limit": 3.0}}]},
    {"type": "tools_called", "calls": [
        {"tool": "docs.read", "arguments": {"deep": {"n": [1, 2], "on": True}}, "max": 1}]},
    {"type": "tools_called", "calls": [{"tool": "docs.list", "min": 0, "max": 0}]},
    {"type": "mail_sent", "to": "chair@x.org", "subject": "^Advice$", "body": r"\d+"},
    {"type": "mail_sent", "to": "a@x.org"},
    {"type": "limits", "model_calls": 2, "tool_calls": 4, "prompt_tokens": 40, "seconds": 2.5},
    {"type": "memory_used", "operation": "search", "agent": "reader", "text": "chair",
     "min_hits": 2},
    {"type": "same_tool_calls", "calls": MADE},
    {"type": "same_tool_calls", "calls": [*({**MADE[at], "step": 1} for at in (2, 0, 1)), MADE[3]]},
    {"type": "similarity", "text": "The canary soaks for 46 minutes.", "metric": "levenshtein",
     "at_least": 0.96, "turn": 1},
    {"type": "similarity", "text": "minutes. SOAKS canary the for 45", "metric": "token_sort",
     "at_least": 1, "turn": 1, "ignore_case": True},
    {"type": "similarity", "text": "soaks canary", "metric": "token_set", "at_least": 1, "turn": 1},
    {"type": "similarity", "text": "The canary soaks", "metric": "indel", "at_least": 0.6,
     "turn": 1},
    {"type": "similarity", "text": "The canary", "metric": "jaro_winkler", "at_least": 0.8,
     "turn": 1},
    {"type": "sql", "on": "mailbox", "query": "SELECT count(*) FROM outbox", "equals": 2},
    {"type": "sql", "on": "mailbox", "query": "SELECT id FROM outbox WHERE subject = 'Advice'",
     "rows": [[2]]},
    {"type": "sql", "on": "shop", "at_least": 2, "at_most": 2.0, "query":
     "SELECT sum(json_extract(l.value, '$.n')) FROM orders, json_each(orders.lines) AS l"},
    {"type": "sql", "on": "shop", "query": "SELECT paid FROM orders WHERE key = '7'",
     "equals": True},
    {"type": "sql", "on": "shop", "query": "SELECT value FROM state WHERE key = 'cash'",
     "equals": 12.5},
    {"type": "sql", "on": "bank", "query": "SELECT 1", "equals": 1, "not_called": "pass"},
    {"type": "sql", "on": "shop", "columns": {"refunds": ["amount"]},
     "query": "SELECT sum(amount) FROM refunds", "equals": None},
    {"type": "end_state", "server": "shop", "ignore": ["day"], "equals":
     {"cash": 12.5, "orders": {"7": {"lines": [{"n": 2, "sku": "a"}], "paid": True}}}},
    {"type": "end_state", "server": "shop",
     "sha256": "d44a2a8ada56e488f7c4c3cfacffccd3cadce057690abfc6db7f322f4f36d041"},
    {"type": "end_state", "server": "bank", "equals": {}, "not_called": "pass"},
    {"type": "no_duplicates"},
    {"type": "no_duplicates", "tools": ["docs.search"]},
    {"type": "permission"},
    {"type": "path", "agents": ["writer", "reader"], "silent": ["critic"]},
    {"type": "path", "agents": ["reader", "writer", "reader"], "order": "exact"},
    {"type": "path", "agents": ["writer", "reader"], "order": "within"},
    {"type": "path", "handoffs": [{"source": "reader", "target": "writer"}],
     "delegations": [{"source": "writer", "target": "reader"}]},
    {"type": "path", "max_messages": 4, "min_rounds": 2, "max_rounds": 2, "max_handoffs": 1,
     "max_delegations": 1, "max_loops": 0},
    {"type": "citations", "at_least": 0.5, "min": 0},
    {"type": "confidence", "at_least": 0.7},
    {"type": "python", "function": "checks.py:short", "args": {"words": 20}},
    {"type": "same_answer", "text": LAST},
    {"type": "same_answer", "text": FIRST, "turn": 1},
    {"type": "gap_reported", "absent": True},
    {"type": "approval", "tool": "notes.write", "decision": "approved", "absent": True},
]
FAILS: list[tuple[dict[str, Any], str]] = [
    ({"type": "no_duplicates", "tools": ["desk.open"]},
     "desk.open “{\"n\":1}” was done 2 times, not 1"),
    ({"type": "no_duplicates"}, "desk.open “{\"n\":1}” was done 2 times, not 1"),
    ({"type": "permission"}, "refused: writer desk.burn “{}” (not_allowed); writer desk.open"),
    ({"type": "permission", "kinds": ["rejected"]}, "refused: writer desk.open “{\"n\":2}”"),
    ({"type": "contains", "text": "46 minutes", "turn": 1}, "not in the answer: “The canary soaks"),
    ({"type": "contains", "text": "growth"}, "not in the answer"),
    ({"type": "contains", "text": "45 minutes", "turn": 1, "absent": True}, "the answer says “"),
    ({"type": "regex", "pattern": "^Growth$"}, "not in the answer"),
    ({"type": "regex", "pattern": "Growth", "absent": True}, "the answer says “Growth was"),
    ({"type": "json_schema", "answer_schema": {"properties": {"a": {"type": "string"}}}},
     "$.a: 1 is not of type 'string'"),
    ({"type": "json_schema", "turn": 1, "answer_schema": {}}, "has no ```json block"),
    ({"type": "json_schema", "source": "answer", "answer_schema": {}}, "not JSON"),
    ({"type": "numeric", "find": "was (.*?)%", "expected": 1234.5}, "-1234.5 against 1234.5"),
    ({"type": "numeric", "find": "was (.*?)%", "expected": -1235, "abs_tol": 0.4}, "tolerance 0.4"),
    ({"type": "numeric", "find": "Loss was (.*)", "expected": 1}, "no match of Loss"),
    ({"type": "numeric", "find": "(Growth)", "expected": 1}, "'Growth' is no number"),
    ({"type": "numeric", "find": "was (.*?)%", "expected": -1234, "compare": "at_least"},
     "-1234.5 against -1234"),
    ({"type": "numeric", "find": "was (.*?)%", "expected": -1235, "compare": "at_most",
      "abs_tol": 0.4}, "-1234.5 against -1235"),
    ({"type": "numeric", "find": r"(\d)", "take": "sum", "turn": 1, "expected": 4}, "9 against 4"),
    ({"type": "tools_called", "tools": ["docs.list"]}, "never called successfully: docs.list"),
    ({"type": "tools_called", "agent": "writer", "tools": ["docs.read"]}, "docs.read"),
    ({"type": "tools_called", "tools": ["docs.read", "docs.search"], "order": True},
     "docs.search was not called in its place"),
    ({"type": "tools_called", "forbidden": ["notes.*"]}, "forbidden, but tried: notes.write"),
    ({"type": "tools_called", "forbidden": ["docs.read"]}, "forbidden, but tried: docs.read"),
    ({"type": "tools_called", "calls": [{"tool": "docs.search", "arguments": {"limit": "3"}}]},
     '{"limit":3,"query":"soak"}'),
    ({"type": "tools_called", "calls": [{"tool": "docs.read", "arguments": {"deep": {"on": 1,
     "n": [1, 2]}}}]}, "called 0 times with success"),
    ({"type": "tools_called", "calls": [{"tool": "docs.read", "arguments": {"document": "x"}}]},
     "called 0 times with success"),
    ({"type": "tools_called", "calls": [{"tool": "docs.read", "max": 1}]}, "called 2 times, not 1"),
    ({"type": "mail_sent", "to": "chair@x.org", "subject": "^Hello$"}, "no match of ^Hello$"),
    ({"type": "mail_sent", "to": "c@x.org"}, "mail 1 went to “a@x.org”"),
    ({"type": "mail_sent", "to": "c@x.org", "server": "post"}, "left no end state"),
    ({"type": "limits", "model_calls": 1}, "2 of at most 1 model calls"),
    ({"type": "limits", "tool_calls": 3}, "4 of at most 3 tool calls"),
    ({"type": "limits", "prompt_tokens": 39}, "40 of at most 39 prompt tokens"),
    ({"type": "limits", "seconds": 2.0}, "2.5 of at most 2 seconds"),
    ({"type": "memory_used", "operation": "write"}, "no such write"),
    ({"type": "memory_used", "operation": "search", "agent": "writer"}, "no such search"),
    ({"type": "memory_used", "operation": "search", "min_hits": 3}, "(2 hits)"),
    ({"type": "memory_used", "operation": "search", "text": "cats"}, "what the chair likes"),
    ({"type": "same_tool_calls", "calls": [*MADE[1:], MADE[0]]},
     'call 1 of 4: docs.read {"document":"x"} was recorded, docs.search {"limit":3'),
    ({"type": "same_tool_calls", "calls": MADE[:3]},
     'call 4 was not recorded: notes.write {"title":"t"} (4 calls were made, 3 recorded)'),
    ({"type": "same_tool_calls", "calls": [*MADE, MADE[3]]},
     'call 5 of 5 was not made: notes.write {"title":"t"}; 4 calls were made'),
    ({"type": "same_tool_calls", "calls": [
        {"tool": "docs.search", "arguments": {"query": "soak", "limit": True}}, *MADE[1:]]},
     "call 1 of 4, docs.search: argument 'limit' was recorded as true, and is 3"),
    ({"type": "same_tool_calls", "calls": [
        {"tool": "docs.search", "arguments": {"query": "soak"}}, *MADE[1:]]},
     "argument 'limit' was not recorded, and is 3"),
    ({"type": "same_tool_calls", "calls": []}, "call 1 was not recorded"),
    ({"type": "similarity", "text": "The canary soaks for 46 minutes.", "metric": "levenshtein",
      "at_least": 0.97, "turn": 1}, "levenshtein similarity 0.9688, asked for 0.97: “The canary"),
    ({"type": "similarity", "text": "THE CANARY SOAKS FOR 45 MINUTES.", "metric": "levenshtein",
      "at_least": 0.5, "turn": 1}, "asked for 0.5"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT count(*) FROM outbox", "equals": "2"},
     "the query gives “2”, not '2'"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT count(*) FROM outbox", "at_least": 3},
     "not 3 or more"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT count(*) FROM outbox", "at_most": 1},
     "not 1 or less"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT subject FROM outbox", "at_most": 1},
     "('Hello'); ('Advice')”, which is not one value"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT subject FROM outbox LIMIT 1", "at_most": 1},
     "which is no number"),
    ({"type": "sql", "on": "mailbox", "query": "SELECT id FROM outbox", "rows": [[2], [1]]},
     "(1); (2)”, not (2); (1)"),
    ({"type": "sql", "on": "bank", "query": "SELECT 1", "equals": 1},
     "no agent called server 'bank'"),
    ({"type": "end_state", "server": "shop", "equals": {"cash": 12.5, "orders": {"7": {
        "paid": False, "lines": []}}, "day": "2026-01-02"}},
     '$.orders["7"].lines[0] should not be there: {"n":2,"sku":"a"} (hash '),
    ({"type": "end_state", "server": "shop", "ignore": ["orders"], "equals": {"cash": 12}},
     "$.cash is 12.5, expected 12"),
    ({"type": "end_state", "server": "shop", "ignore": ["orders", "cash"], "equals":
      {"day": "2026-01-02", "month": 1}}, "$.month is missing; expected 1"),
    ({"type": "end_state", "server": "shop", "sha256": "0" * 64}, "not 0000"),
    ({"type": "end_state", "server": "bank", "equals": {}}, "no agent called server 'bank'"),
    ({"type": "path", "agents": ["critic"]}, "never spoke: critic (spoke: reader → writer"),
    ({"type": "path", "agents": ["reader", "writer"], "order": "exact"},
     "the order was to be reader → writer (spoke: reader → writer → reader)"),
    ({"type": "path", "agents": ["writer", "reader", "writer"], "order": "within"},
     "writer did not speak in its place"),
    ({"type": "path", "silent": ["writer"]}, "spoke, but should not have: writer"),
    ({"type": "path", "handoffs": [{"source": "writer", "target": "reader"}]},
     "no handoff writer → reader in its place; there were: reader → writer"),
    ({"type": "path", "delegations": [{"source": "reader", "target": "writer"}]},
     "no delegation reader → writer"),
    ({"type": "path", "max_messages": 3}, "4 of at most 3 messages"),
    ({"type": "path", "min_rounds": 3}, "2 of at least 3 rounds"),
    ({"type": "path", "max_rounds": 1}, "2 of at most 1 rounds"),
    ({"type": "path", "max_handoffs": 0}, "1 of at most 0 handoffs"),
    ({"type": "path", "max_delegations": 0}, "1 of at most 0 delegations"),
    ({"type": "citations"}, "the answers name 0 sources, not 1 or more"),
    ({"type": "confidence", "at_least": 0.99}, "tool_success 0.75"),
    ({"type": "limits", "completion_tokens": 1}, "2 of at most 1 completion tokens"),
    ({"type": "python", "function": "checks.py:short", "args": {"words": 2}}, "words, not 2"),
    ({"type": "same_answer", "text": LAST.strip()}, f"character {len(LAST)} on"),
    ({"type": "same_answer", "text": "The canary sings.", "turn": 1},
     'turn 1: differs from character 13 on: recorded "The canary sings.", given "The canary soaks'),
    ({"type": "gap_reported"}, "no report says so; reported: nothing"),
    ({"type": "approval", "tool": "notes.write", "decision": "approved"}, "decided: nothing"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario's folder with a check that a user wrote."""
    (tmp_path / "checks.py").write_text(
        "from agentdyno import Finding, check\n"
        "@check\n"
        "def short(trial, *, words):\n"
        "    count = len(trial.answers[-1].split())\n"
        "    return Finding(count <= words, f'{count} words, not {words}')\n"
    )
    return tmp_path


@pytest.mark.parametrize("spec", PASSES, ids=str)
def test_a_check_passes_when_the_trial_does_what_it_asks(
    spec: dict[str, Any], folder: Path
) -> None:
    found = verdict(spec, folder)
    assert (found.status, bool(found.reason)) == ("pass", True), found.reason


@pytest.mark.parametrize(("spec", "part"), FAILS, ids=str)
def test_a_check_fails_and_quotes_the_evidence(
    spec: dict[str, Any], part: str, folder: Path
) -> None:
    extra = {"events": WRONG} if spec["type"] in ("no_duplicates", "permission") else {}
    found = verdict(spec, folder, **extra)
    assert found.status == "fail"
    assert part in found.reason


def test_every_type_of_check_is_seen_to_pass_and_to_fail() -> None:
    assert {spec["type"] for spec in PASSES} == {spec["type"] for spec, _ in FAILS} == set(CHECKS)


def test_nothing_sent_is_no_mail() -> None:
    found = verdict({"type": "mail_sent", "to": "a"}, end_state={"mailbox": {"outbox": []}})
    assert (found.status, found.reason) == ("fail", "no mail was sent")


@pytest.mark.parametrize("spec", [
    {"type": "contains", "text": "x", "absent": True}, {"type": "json_schema", "answer_schema": {}},
])
@pytest.mark.parametrize("answers", [(), (FIRST,)])
def test_an_answer_that_is_not_there_passes_nothing(
    spec: dict[str, Any], answers: tuple[str, ...]
) -> None:
    found = verdict(spec, answers=answers)
    assert found.status == "fail"
    assert "there is no answer to user turn 2" in found.reason


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("limit", "fail"), ("agent_fault", "fail"), ("harness_fault", "inconclusive"),
     ("cancelled", "inconclusive")],
)
def test_a_trial_that_did_not_complete_passes_nothing(outcome: str, status: str) -> None:
    found = verdict(
        {"type": "contains", "text": "45", "turn": 1}, outcome=Outcome(outcome), reason="too slow"
    )
    assert found.status == status
    assert found.reason == f"the trial ended with {outcome}: too slow"


@pytest.mark.parametrize(
    ("function", "args", "status", "part"),
    [
        ("area", {"width": 3}, "pass", "12 against 12"),
        ("area", {"width": 4}, "fail", "12 against 16"),
        ("area", {}, "error", "TypeError"),
        ("gone", {}, "error", "AttributeError"),
        ("broken", {}, "error", "ZeroDivisionError: division by zero"),
        ("text", {}, "error", "returned '12', which is no finite number"),
        ("infinite", {}, "error", "returned inf"),
        ("boolean", {}, "error", "returned True"),
    ],
)
def test_a_number_is_compared_with_an_independent_computation(
    function: str, args: dict[str, Any], status: str, part: str, tmp_path: Path
) -> None:
    (tmp_path / "reference.py").write_text(
        "import math\n"
        "def area(width): return width * 4\n"
        "def broken(): return 1 / 0\n"
        "def text(): return '12'\n"
        "def infinite(): return math.inf\n"
        "def boolean(): return True\n"
    )
    spec = {"type": "numeric", "find": r"(\d+)",
            "expected": {"python": f"reference.py:{function}", "args": args}}
    found = verdict(spec, tmp_path, answers=("", "12"))
    assert found.status == status
    assert part in found.reason


def test_a_reference_that_changes_is_computed_anew(tmp_path: Path) -> None:
    spec = {"type": "numeric", "find": r"(\d+)", "expected": {"python": "reference.py:f"}}
    (tmp_path / "reference.py").write_text("def f(): return 12\n")
    assert verdict(spec, tmp_path, answers=("", "12")).status == "pass"
    (tmp_path / "reference.py").write_text("def f(): return 13\n")
    assert verdict(spec, tmp_path, answers=("", "12")).status == "fail"
    assert not (tmp_path / "__pycache__").exists()
    (tmp_path / "reference.py").unlink()
    assert verdict(spec, tmp_path, answers=("", "12")).status == "error"


def test_one_check_that_breaks_leaves_the_others_their_verdicts() -> None:
    checks = [ADAPTER.validate_python(spec) for spec in (
        {"id": "broken", "type": "mail_sent", "to": "a"},
        {"id": "good", "type": "contains", "text": "Growth"},
    )]
    verdicts = evaluate(trial(end_state={"mailbox": {}}), checks, Path())
    assert [(v.check, v.status) for v in verdicts] == [("broken", "error"), ("good", "pass")]
    assert verdicts[0].reason == "KeyError: 'outbox'"


@pytest.mark.parametrize(
    ("text", "number"),
    [("1,234", 1234), ("$12.50", 12.5), ("+3", 3), ("-.5", -0.5), ("1e3", 1000), ("7 %", 7),
     ("1,23", None), ("12.", 12), ("nan", None), ("1_000", None), ("", None)],
)
def test_numbers_are_read_as_people_write_them(text: str, number: float | None) -> None:
    spec = {"type": "numeric", "find": "<(.*)>", "expected": 0.0 if number is None else number}
    found = verdict(spec, answers=("", f"<{text}>"))
    assert found.status == ("fail" if number is None else "pass")


def test_the_same_trial_always_gets_the_same_verdicts() -> None:
    checks = [ADAPTER.validate_python({"id": f"c{at}", **s}) for at, s in enumerate(PASSES)]
    assert evaluate(trial(), checks, Path()) == evaluate(trial(), checks, Path())
