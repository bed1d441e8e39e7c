"""Who decides about the tool calls of a run that wait."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agentdyno.core.approval import ApprovalPolicy, Approver, ApproverKind
from agentdyno.core.errors import UsageError
from agentdyno.core.settings import RunOptions
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.request import Request
from agentdyno.tools.approvals import Approvals
from agentdyno.tools.approvers import AutoApprover, DenyingApprover, ScriptedApprover


@dataclass(frozen=True, kw_only=True)
class Approving:
    """Gives every trial its approver."""

    override: ApproverKind | None = None
    """In place of those that the scenarios name."""
    people: Mapping[ApproverKind, Approver] = field(default_factory=dict)
    """The approvers behind which people are (`cli`, `queue`), where the run needs them."""

    def of(self, planned: PlannedTrial) -> Approvals | None:
        """Return what the tool gateway needs for one trial; null when none of its calls waits."""
        policy = planned.scenario.scenario.approvals
        if policy is None:
            return None
        return Approvals(
            policy=policy,
            approver=approver_for(policy, self.override or policy.approver, self.people),
            scenario=planned.key.scenario, runner=planned.runner.label,
        )


def approver_for(
    policy: ApprovalPolicy, kind: ApproverKind, people: Mapping[ApproverKind, Approver]
) -> Approver:
    """Return the approver of that kind; raises KeyError where nobody of it was given."""
    match kind:
        case "auto":
            return AutoApprover()
        case "deny":
            return DenyingApprover()
        case "script":
            return ScriptedApprover(policy.script)
    return people[kind]


def kinds_needed(request: Request) -> frozenset[ApproverKind]:
    """Return which approvers a run may ask.

    Raises:
        UsageError: `--approver` is given, and no call of any scenario can wait.
    """
    options = request.options
    policies = [
        one.loaded.scenario.approvals for one in request.scenarios
        if one.loaded.scenario.approvals is not None
    ]
    if options.approver is not None and not policies:
        raise UsageError(
            f"--approver {options.approver}: no scenario of this run has `approvals`, so no tool "
            "call waits for anybody.", "leave --approver out, or add `approvals` to the scenario",
        )
    if _decided_before(options):
        return frozenset()
    return frozenset(options.approver or policy.approver for policy in policies)


def _decided_before(options: RunOptions) -> bool:
    """Tell whether every call was decided when it was recorded."""
    return options.tools == "replay"
