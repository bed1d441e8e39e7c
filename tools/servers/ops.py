"""Ops: logs, metrics, changes and the means to act on them, for the incident that a file describes.

What happened is in the file and never varies; what an agent does about it is kept per trial. The
file says which action ends the incident, so that a metric read after the right one is a good one,
and after a wrong one still bad.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

Args = dict[str, Any]

_SERVICE = {"type": "string", "description": "Name as list_services returns it."}
_PARTS = ("services", "changes", "logs", "metrics", "cure", "acted_at")


class Incident:
    """One incident, read from a file."""

    def __init__(self, data: dict[str, Any]) -> None:
        missing = [part for part in _PARTS if part not in data]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing")
        self._services: dict[str, dict[str, Any]] = data["services"]
        self._changes: list[dict[str, Any]] = data["changes"]
        self._logs: list[dict[str, Any]] = data["logs"]
        self._metrics: dict[str, dict[str, dict[str, Any]]] = data["metrics"]
        self._cure: dict[str, Any] = data["cure"]
        self._acted_at: str = data["acted_at"]
        # What is wrong with a file is told when it is read, not in the middle of a trial.
        self.list_changes(self.new_state(), {})

    def new_state(self) -> State:
        """Return the state of a trial that begins."""
        return {
            "versions": {name: one["version"] for name, one in self._services.items()},
            "replicas": {name: one["replicas"] for name, one in self._services.items()},
            "actions": [], "tickets": [],
        }

    def list_services(self, state: State, _: Args) -> dict[str, Any]:
        """Return every service with what runs now."""
        return {"services": [
            {"service": name, "version": state["versions"][name],
             "replicas": state["replicas"][name]}
            for name in self._services
        ]}

    def search_logs(self, _: State, arguments: Args) -> dict[str, Any]:
        """Return the oldest entries of a service that fit, and how many there are."""
        service = self._known(arguments["service"], "search_logs")
        level, text = arguments.get("level"), arguments.get("text", "").lower()
        found = [
            entry for entry in self._logs
            if entry["service"] == service and level in (None, entry["level"])
            and text in entry["message"].lower()
        ]
        return {"service": service, "total": len(found),
                "entries": found[:int(arguments.get("limit", 10))]}

    def read_metric(self, state: State, arguments: Args) -> dict[str, Any]:
        """Return a metric's points, with one after the last action when there was one."""
        service, name = self._known(arguments["service"], "read_metric"), arguments["metric"]
        metrics = self._metrics.get(service, {})
        if name not in metrics:
            raise ToolError(
                f"read_metric: {service} has no metric {name!r}. Metrics: "
                f"{', '.join(metrics) or 'none'}."
            )
        points = list(metrics[name]["points"])
        if state["actions"]:
            value = points[-1][1]
            cured = any(self._cures(action) for action in state["actions"])
            if cured and self._cure["metric"] == f"{service}.{name}":
                value = self._cure["value"]
            points.append([self._acted_at, value])
        return {"service": service, "metric": name, "unit": metrics[name]["unit"],
                "points": points}

    def list_changes(self, _: State, arguments: Args) -> dict[str, Any]:
        """Return what was changed, newest first."""
        service = arguments.get("service")
        if service is not None:
            self._known(service, "list_changes")
        changes = [c for c in self._changes if service in (None, c["service"])]
        return {"changes": sorted(changes, key=lambda change: change["at"], reverse=True)}

    def rollback(self, state: State, arguments: Args) -> dict[str, Any]:
        """Put an earlier version of a service back."""
        service = self._known(arguments["service"], "rollback")
        version, now = arguments["version"], state["versions"][service]
        known = list(dict.fromkeys(
            change[key] for change in self._changes
            if change["service"] == service for key in ("version", "previous") if change.get(key)
        ))
        if version not in known or version == now:
            earlier = ", ".join(one for one in known if one != now) or "none"
            raise ToolError(
                f"rollback: {service} runs {now}, and {version!r} is no version to go back to. "
                f"Earlier versions: {earlier}."
            )
        state["versions"][service] = version
        return self._acted(state, action="rollback", service=service, to=version)

    def scale(self, state: State, arguments: Args) -> dict[str, Any]:
        """Run another number of replicas of a service."""
        service = self._known(arguments["service"], "scale")
        state["replicas"][service] = int(arguments["replicas"])
        return self._acted(state, action="scale", service=service, to=int(arguments["replicas"]))

    def open_ticket(self, state: State, arguments: Args) -> dict[str, Any]:
        """Leave work for people."""
        ticket = {"id": f"OPS-{len(state['tickets']) + 1}"} | arguments
        state["tickets"].append(ticket)
        return {"id": ticket["id"]}

    def tools(self) -> tuple[Tool, ...]:
        """Return the tools over this incident."""
        return (*self._reading(), *self._acting())

    def _reading(self) -> tuple[Tool, ...]:
        text = {"type": "string"}
        return (
            Tool(name="list_services", run=self.list_services,
                 description="List the services with the version and replicas that run now."),
            Tool(
                name="search_logs", run=self.search_logs,
                optional=frozenset({"level", "text", "limit"}),
                description="Search the logs of a service; oldest entries first.",
                parameters={
                    "service": _SERVICE,
                    "level": text | {"description": "info, warning or error; default: all."},
                    "text": text | {"description": "Text that the message contains."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 100,
                              "description": "How many entries to return; default 10."},
                },
            ),
            Tool(
                name="read_metric", run=self.read_metric,
                description="Read a metric of a service: pairs of time and value, oldest first.",
                parameters={"service": _SERVICE, "metric": text | {"description": ", ".join(
                    sorted({name for metrics in self._metrics.values() for name in metrics})
                )}},
            ),
            Tool(
                name="list_changes", run=self.list_changes, optional=frozenset({"service"}),
                description="List deployments and configuration changes, newest first.",
                parameters={"service": _SERVICE | {"description": "Only of this service."}},
            ),
        )

    def _acting(self) -> tuple[Tool, ...]:
        return (
            Tool(
                name="rollback", run=self.rollback, read_only=False, destructive=True,
                description="Put an earlier version of a service back into production. Requests "
                "in flight are lost.",
                parameters={"service": _SERVICE, "version": {
                    "type": "string", "description": "A version that ran before."}},
            ),
            Tool(
                name="scale", run=self.scale, read_only=False, idempotent=True, destructive=False,
                description="Run another number of replicas of a service.",
                parameters={"service": _SERVICE, "replicas": {
                    "type": "integer", "minimum": 1, "maximum": 100}},
            ),
            Tool(
                name="open_ticket", run=self.open_ticket, read_only=False, destructive=False,
                description="Open a ticket for the people who look after the services.",
                parameters={"title": {"type": "string"}, "body": {"type": "string"}},
            ),
        )

    def _known(self, service: str, tool: str) -> str:
        if service not in self._services:
            raise ToolError(
                f"{tool}: there is no service {service!r}. Services: {', '.join(self._services)}."
            )
        return service

    def _cures(self, action: dict[str, Any]) -> bool:
        return all(action[key] == self._cure[key] for key in ("action", "service", "to"))

    def _acted(self, state: State, **action: Any) -> dict[str, Any]:
        state["actions"].append(action)
        return action | {"done_at": self._acted_at}


def main(arguments: Sequence[str]) -> None:
    """Serve the incident of the file that the only argument names."""
    if len(arguments) != 1:
        sys.exit('ops: give the path of one incident: args: ["${scenario}/data/incident.json"]')
    try:
        incident = Incident(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    except OSError as error:
        sys.exit(f"ops: {arguments[0]} cannot be read: {error.strerror}")
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"ops: {arguments[0]} is no incident: {type(error).__name__}: {error}")
    ToolProcess("ops", incident.tools(), incident.new_state).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
