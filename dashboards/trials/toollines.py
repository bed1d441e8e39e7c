"""The registry of tools: what agents are offered, with how it did in the stored trials."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from agentdyno.core.approval import ApprovalPolicy
from agentdyno.core.estimate import Estimate
from agentdyno.core.spec import Risk
from agentdyno.evals.stats import wilson
from agentdyno.store.gaps import GapRow
from agentdyno.store.toollists import OfferedTool
from agentdyno.store.tooluse import ToolUse
from agentdyno.tools.risk import assess

Health = Literal["works", "broke before", "broken", "not judged", "not called"]
"""`broken`: in the newest trial that called it, the server crashed or was too slow. `not judged`:
only injected faults or cassettes answered, or every call was refused."""

ORDER: tuple[Health, ...] = ("broken", "broke before", "not judged", "not called", "works")
"""What needs attention first."""


@dataclass(frozen=True, kw_only=True)
class ToolLine:
    """One tool."""

    server: str
    tool: str
    offered: OfferedTool | None
    """Null where no scenario's newest trial offers it: it was renamed, or an agent made it up."""
    use: ToolUse | None
    """Null where no trial called it."""

    @property
    def risk(self) -> Risk | None:
        """Its risk by its own annotations, before any scenario's policy; null where unknown."""
        if self.offered is None:
            return None
        tool = {"name": self.tool, "annotations": self.offered.annotations}
        return assess(ApprovalPolicy(), "high", self.server, tool).risk

    @property
    def rate(self) -> Estimate | None:
        """Share of trials in which none of its calls ended in an error; trials, because the calls
        of one trial are no independent tries."""
        return wilson(self.use.clean, self.use.judged) if self.use else None

    @property
    def errors(self) -> int:
        """Calls that were made and ended in an error, without injected faults."""
        use = self.use
        return use.invalid + use.failed + use.broken if use else 0

    @property
    def health(self) -> Health:
        """How its server did."""
        use = self.use
        if use is None:
            return "not called"
        if use.calls in (use.injected, use.recorded, use.refused):
            return "not judged"
        if use.newest_broken is None:
            return "works"
        return "broken" if use.newest_broken == use.newest else "broke before"


@dataclass(frozen=True, kw_only=True)
class MissedTool:
    """A tool that agents say they lack."""

    name: str
    trials: int
    """Trials in which somebody said so."""
    scenarios: tuple[str, ...]
    risk: str
    """The highest that was estimated."""
    description: str
    """What the newest report says that it should do."""
    newest: str
    """Trial of the newest report."""


def tool_lines(
    offered: Iterable[OfferedTool], used: Iterable[ToolUse]
) -> tuple[ToolLine, ...]:
    """Return one line per tool that is offered or was called, in order of name."""
    offers = {(one.server, one.tool): one for one in offered}
    uses = {(one.server, one.tool): one for one in used}
    return tuple(
        ToolLine(server=server, tool=tool, offered=offers.get((server, tool)),
                 use=uses.get((server, tool)))
        for server, tool in sorted({*offers, *uses})
    )


def server_health(lines: Iterable[ToolLine]) -> dict[str, Health]:
    """Return the health of each server: that of its tool that needs attention most."""
    found: dict[str, Health] = {}
    for line in lines:
        known = found.get(line.server, line.health)
        found[line.server] = min(known, line.health, key=ORDER.index)
    return found


def missed_tools(reports: Sequence[GapRow]) -> tuple[MissedTool, ...]:
    """Return what tools `reports` (newest first) ask for, most often missed first."""
    rows: dict[str, list[tuple[GapRow, int]]] = {}
    for report in reports:
        for at, tool in enumerate(report.gap.missing_tools):
            rows.setdefault(tool.name, []).append((report, at))
    found = []
    for name, some in rows.items():
        tools = [report.gap.missing_tools[at] for report, at in some]
        risks = Counter(tool.estimated_risk for tool in tools)
        found.append(MissedTool(
            name=name, trials=len({report.trial for report, _ in some}),
            scenarios=tuple(sorted({report.scenario for report, _ in some})),
            risk=next(risk for risk in ("high", "medium", "low") if risks[risk]),
            description=tools[0].description, newest=some[0][0].trial,
        ))
    return tuple(sorted(found, key=lambda one: (-one.trials, one.name)))
