"""SQL and equality of the world that a trial leaves: what is refused, what is nobody's pass."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agentdyno.core.check import CheckSpec
from agentdyno.core.event import MemoryAccess, ToolCall
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.evals.checks import evaluate

ADAPTER: TypeAdapter[CheckSpec] = TypeAdapter(CheckSpec)
STATE: dict[str, Any] = {
    "shop": {
        "orders": [{"id": 1, "paid": True}, {"id": 2, "note": "später", "big": 2**70}],
        "empty": [], "names": ["a", "b"], "stock": {"a": 3, "b": [1]}, "cash": 1.0, "open": None,
    },
    "lines": ["x", {"y": 1}],
    "memory": {"written": [{"id": "m3", "text": "likes tea", "metadata": {"who": "chair"}}],
               "mode": "lexical"},
}
SEARCH = MemoryAccess(agent="solo", started_s=0, ended_s=0, operation="search", query="tea",
                      mode="lexical", hits=("m1", "m3"))
CALL = ToolCall(agent="solo", started_s=0, ended_s=0, ordinal=0, server="mute", tool="x",
                arguments={}, is_error=False, result_text="")


def verdict(folder: Path = Path(), **spec: Any) -> Verdict:
    key = TrialKey(scenario="s", scenario_digest="0", runner="r", runner_version="0",
                   runner_digest="0", model_digest="0")
    trial = Trial(id="t", key=key, outcome=Outcome.COMPLETED, started_at="", duration_s=1,
                  events=(SEARCH, CALL), end_state=STATE, report=WorkerReport(ended="returned"))
    return evaluate(trial, [ADAPTER.validate_python({"id": "c", **spec})], folder)[0]


def sql(query: str, on: str = "shop", **expected: Any) -> Verdict:
    return verdict(type="sql", on=on, query=query, **expected)


@pytest.mark.parametrize(("query", "rows"), [
    ("SELECT id, paid, note FROM orders", [[1, True, None], [2, None, "später"]]),
    ("SELECT big FROM orders WHERE id = 2", [[str(2**70)]]),
    ("SELECT count(*) FROM empty", [[0]]),
    ("SELECT value FROM names ORDER BY 1 DESC", [["b"], ["a"]]),
    ("SELECT key, value FROM stock", [["a", 3], ["b", "[1]"]]),
    ("SELECT * FROM state", [["cash", 1], ["open", None]]),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
     [[1], [2], [3]]),
])
def test_each_key_of_an_end_state_is_a_table(query: str, rows: list[list[Any]]) -> None:
    assert sql(query, rows=rows).status == "pass", sql(query, rows=rows).reason


def test_a_state_that_is_a_list_is_one_table() -> None:
    rows = [["x"], ['{"y":1}']]
    assert sql("SELECT value FROM state", "lines", rows=rows).status == "pass"


def test_memory_has_what_was_written_and_every_access() -> None:
    assert sql("SELECT json_extract(metadata, '$.who') FROM written", "memory",
               equals="chair").status == "pass"
    assert sql("SELECT count(*) FROM access WHERE operation = 'search' AND hits LIKE '%m3%'",
               "memory", equals=1).status == "pass"


@pytest.mark.parametrize(("query", "part"), [
    ("SELECT colour FROM orders", "no such column: colour; tables: orders (id, paid, note, big)"),
    ("SELECT * FROM absent", "no such table: absent"),
    ("WITH x AS (SELECT 1) DELETE FROM orders", "may only read"),
    ("SELECT random()", "may only read, and the same each time"),
    ("SELECT CURRENT_TIMESTAMP", "may only read, and the same each time"),
    ("SELECT load_extension('x')", "may only read"),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
     "more than 50,000,000 instructions"),
    ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000) SELECT i FROM n",
     "more than 1000 rows"),
    ("SELECT hex(zeroblob(20000000))", "too big"),
])
def test_a_query_that_cannot_be_answered_is_an_error(query: str, part: str) -> None:
    found = sql(query, equals=1)
    assert found.status == "error"
    assert part in found.reason


@pytest.mark.parametrize("query", [
    "DELETE FROM orders", "ATTACH 'x' AS y", "PRAGMA user_version", "SELECT date('now')", "",
])
def test_a_query_that_does_more_than_read_is_refused_where_it_is_written(query: str) -> None:
    with pytest.raises(ValidationError):
        sql(query, equals=1)


@pytest.mark.parametrize("expected", [
    {}, {"equals": 1, "at_least": 1}, {"rows": [[1]], "equals": 1},
])
def test_a_query_expects_exactly_one_thing(expected: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="expects"):
        sql("SELECT 1", **expected)


@pytest.mark.parametrize("kind", [
    {"type": "sql", "query": "SELECT 1", "equals": 1, "on": "mute"},
    {"type": "end_state", "server": "mute", "equals": {}},
])
def test_a_server_that_was_called_and_tells_no_state_is_an_error(kind: dict[str, Any]) -> None:
    found = verdict(**kind, not_called="pass")
    assert (found.status, "it can tell none" in found.reason) == ("error", True)


def test_the_expected_state_comes_from_a_file_or_a_function(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text(json.dumps(STATE["shop"] | {"cash": 1}))
    (tmp_path / "world.py").write_text(
        "def after(cash):\n    return {'cash': cash}\ndef odd():\n    return {1, 2}\n"
    )
    asked = {"type": "end_state", "server": "shop"}
    assert verdict(tmp_path, **asked, file="world.json").status == "pass"
    ignore = ("orders", "empty", "names", "stock", "open")
    for cash, status in ((1, "pass"), (2, "fail")):
        computed = {"python": "world.py:after", "args": {"cash": cash}}
        assert verdict(tmp_path, **asked, computed=computed, ignore=ignore).status == status
    for wrong in ({"file": "none.json"}, {"computed": {"python": "world.py:gone"}},
                  {"computed": {"python": "world.py:odd"}}):
        assert verdict(tmp_path, **asked, **wrong).status == "error"
    (tmp_path / "world.json").write_text("{")
    assert "world.json is not JSON" in verdict(tmp_path, **asked, file="world.json").reason


def test_a_state_is_compared_with_exactly_one_thing() -> None:
    for given in ({}, {"equals": 1, "file": "x.json"}):
        with pytest.raises(ValidationError, match="needs exactly one of"):
            verdict(type="end_state", server="shop", **given)
