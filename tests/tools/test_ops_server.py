"""The bundled server ops: an incident that only the right action ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentdyno.tools.servers.arguments import InvalidArguments, checked
from agentdyno.tools.servers.base import ToolError
from agentdyno.tools.servers.ops import Incident

DATA: dict[str, Any] = {
    "services": {
        "shop": {"version": "2.0", "replicas": 3}, "mail": {"version": "1", "replicas": 1},
    },
    "changes": [
        {"at": "2026-01-01T09:00Z", "service": "shop", "kind": "deployment", "version": "1.9",
         "previous": "1.8", "by": "bot", "summary": "colours"},
        {"at": "2026-01-02T09:00Z", "service": "shop", "kind": "deployment", "version": "2.0",
         "previous": "1.9", "by": "bot", "summary": "prices"},
        {"at": "2026-01-03T09:00Z", "service": "mail", "kind": "config", "version": None,
         "previous": None, "by": "kim", "summary": "timeout"},
    ],
    "logs": [
        {"at": "2026-01-02T09:01Z", "service": "shop", "version": "2.0", "level": "error",
         "message": "No price"},
        {"at": "2026-01-02T09:02Z", "service": "shop", "version": "2.0", "level": "info",
         "message": "price read"},
    ],
    "metrics": {"shop": {"errors": {"unit": "percent", "points": [["2026-01-02T09:00Z", 0.1],
                                                                  ["2026-01-02T09:05Z", 9.5]]}}},
    "cure": {"action": "rollback", "service": "shop", "to": "1.9", "metric": "shop.errors",
             "value": 0.2},
    "acted_at": "2026-01-02T09:10Z",
}


class Desk:
    """One trial's tools."""

    def __init__(self) -> None:
        incident = Incident(DATA)
        self.tools = {tool.name: tool for tool in incident.tools()}
        self.state = incident.new_state()

    def call(self, name: str, **arguments: Any) -> Any:
        tool = self.tools[name]
        return tool.run(self.state, checked(name, tool.wire()["inputSchema"], arguments))


def last(desk: Desk) -> tuple[str, float]:
    at, value = desk.call("read_metric", service="shop", metric="errors")["points"][-1]
    return at, value


def test_logs_metrics_and_changes_are_read_as_they_stand() -> None:
    desk = Desk()
    assert desk.call("search_logs", service="shop", text="PRICE")["total"] == 2
    errors = desk.call("search_logs", service="shop", level="error")
    assert [entry["message"] for entry in errors["entries"]] == ["No price"]
    assert last(desk) == ("2026-01-02T09:05Z", 9.5)
    changes = desk.call("list_changes")["changes"]
    assert [change["service"] for change in changes] == ["mail", "shop", "shop"]
    assert len(desk.call("list_changes", service="shop")["changes"]) == 2


def test_only_the_action_that_the_file_names_ends_the_incident() -> None:
    wrong = Desk()
    wrong.call("scale", service="shop", replicas=9)
    assert last(wrong) == ("2026-01-02T09:10Z", 9.5)
    older = Desk()
    older.call("rollback", service="shop", version="1.8")
    assert last(older) == ("2026-01-02T09:10Z", 9.5)
    right = Desk()
    assert right.call("rollback", service="shop", version="1.9") == {
        "action": "rollback", "service": "shop", "to": "1.9", "done_at": "2026-01-02T09:10Z",
    }
    assert last(right) == ("2026-01-02T09:10Z", 0.2)
    [shop, _] = right.call("list_services")["services"]
    assert shop == {"service": "shop", "version": "1.9", "replicas": 3}


def test_what_was_done_is_the_end_state() -> None:
    desk = Desk()
    desk.call("scale", service="mail", replicas=2)
    assert desk.call("open_ticket", title="t", body="b") == {"id": "OPS-1"}
    assert desk.state["actions"] == [{"action": "scale", "service": "mail", "to": 2}]
    assert desk.state["tickets"] == [{"id": "OPS-1", "title": "t", "body": "b"}]


def test_annotations_say_that_a_rollback_destroys_and_reading_does_not() -> None:
    hints = {name: tool.wire()["annotations"] for name, tool in Desk().tools.items()}
    assert hints["rollback"]["destructiveHint"] is True
    assert hints["scale"]["destructiveHint"] is False
    assert "destructiveHint" not in hints["search_logs"]
    assert hints["search_logs"]["readOnlyHint"] is True


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("search_logs", {"service": "cart"}, "there is no service 'cart'. Services: shop, mail."),
        ("read_metric", {"service": "shop", "metric": "load"}, "Metrics: errors."),
        ("read_metric", {"service": "mail", "metric": "errors"}, "Metrics: none."),
        ("rollback", {"service": "shop", "version": "2.0"}, "Earlier versions: 1.9, 1.8."),
        ("rollback", {"service": "shop", "version": "7"}, "'7' is no version to go back to"),
        ("rollback", {"service": "mail", "version": "0"}, "Earlier versions: none."),
        ("scale", {"service": "shop", "replicas": 0}, "from 1 to 100, not 0"),
    ],
)
def test_a_call_that_cannot_be_answered_says_what_would_be_right(
    name: str, arguments: dict[str, Any], said: str
) -> None:
    desk = Desk()
    with pytest.raises((ToolError, InvalidArguments)) as error:
        desk.call(name, **arguments)
    assert said in str(error.value)
    assert desk.state["actions"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "is no incident: ValueError: services, changes"), ("[", "is no incident"),
     (None, "cannot be read"), (json.dumps({**DATA, "services": [1]}), "is no incident")],
)
def test_a_file_that_is_no_incident_is_refused_with_words(
    text: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "incident.json"
    if text is not None:
        path.write_text(text)
    command = [sys.executable, "-m", "agentdyno.tools.servers.ops", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, input="")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
