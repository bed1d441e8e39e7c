"""How risky a tool is, who says so, and what the policy does with calls of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentdyno.core.approval import ApprovalPolicy, PolicyAction
from agentdyno.core.spec import Risk

RiskSource = Literal["policy", "annotations", "default"]
_LEVELS: tuple[Risk, ...] = ("low", "medium", "high")


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What holds for every call of one tool by one agent."""

    risk: Risk
    risk_from: RiskSource
    action: PolicyAction


def assess(
    policy: ApprovalPolicy, threshold: Risk, server: str, tool: Mapping[str, Any]
) -> Assessment:
    """Return what `policy` asks for when an agent calls a tool.

    Args:
        policy: the scenario's.
        threshold: highest risk that the agent may use without an approval; above it every call
            waits, whatever the policy says of its level.
        server: the tool's server.
        tool: its MCP tool object.
    """
    risk, risk_from = _risk(policy, server, tool)
    action: PolicyAction = getattr(policy, risk)
    if _LEVELS.index(risk) > _LEVELS.index(threshold):
        action = "wait"
    return Assessment(risk=risk, risk_from=risk_from, action=action)


def _risk(
    policy: ApprovalPolicy, server: str, tool: Mapping[str, Any]
) -> tuple[Risk, RiskSource]:
    for reference in (f"{server}.{tool['name']}", f"{server}.*"):
        if reference in policy.risks:
            return policy.risks[reference], "policy"
    hints = tool.get("annotations") or {}
    if hints.get("readOnlyHint") is True:
        return "low", "annotations"
    if hints.get("destructiveHint") is True:
        return "high", "annotations"
    if "readOnlyHint" in hints or "destructiveHint" in hints:
        return "medium", "annotations"
    return "medium", "default"
