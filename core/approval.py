"""Which tool calls wait for somebody's word, who gives it, and what he may say."""

from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import Field, model_validator

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Risk

PolicyAction = Literal["run", "log", "wait"]
"""`run`: the call is made at once. `log`: at once, with an Approval event. `wait`: somebody
decides first."""

ApproverKind = Literal["auto", "deny", "script", "cli", "queue"]
"""`auto` approves, `deny` rejects, `script` follows the scenario, `cli` asks on the terminal,
`queue` waits in the database for `agentdyno approvals`."""

ToolReference = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\.(\*|[^\s.*][^\s]*)$")]
"""`server.tool`, or `server.*` for all tools of a server."""


class ScriptedDecision(Noun):
    """What the scripted approver says to calls of one tool."""

    tool: ToolReference
    """The tool; the first entry that fits a call decides it."""
    when: dict[str, Any] = Field(default_factory=dict)
    """Arguments that the call must have, with exactly these JSON values."""
    decision: Literal["approve", "reject", "modify"]
    arguments: dict[str, Any] | None = None
    """Arguments in place of the same ones of the call; only with `modify`."""
    reason: str = ""
    """What the agent is told."""
    after_s: float = Field(default=0.0, ge=0.0, le=3600.0)
    """Seconds that the approver takes."""

    @model_validator(mode="after")
    def _arguments_with_modify(self) -> Self:
        if (self.arguments is not None) != (self.decision == "modify"):
            raise ValueError("`arguments` goes with `decision: modify`, and only with it")
        return self


class ApprovalPolicy(Noun):
    """The scenario's `approvals`. Without one every call is made at once and nothing is logged."""

    risks: dict[ToolReference, Risk] = Field(default_factory=dict)
    """Risk by tool, before what the tool's annotations say; the exact tool before `server.*`."""
    low: PolicyAction = "run"
    """What happens to calls of low risk."""
    medium: PolicyAction = "log"
    """What happens to calls of medium risk."""
    high: PolicyAction = "wait"
    """What happens to calls of high risk."""
    approver: ApproverKind = "script"
    """Who decides, unless `--approver` names another."""
    script: tuple[ScriptedDecision, ...] = ()
    """What the scripted approver says; a call that no entry fits is rejected."""
    timeout_s: float = Field(default=1800.0, gt=0.0)
    """Seconds that a call waits for `cli` and `queue`."""
    on_timeout: Literal["reject", "approve"] = "reject"
    """What happens then."""


class ApprovalRequest(Noun):
    """A call that waits."""

    trial_id: str
    scenario: str
    runner: str = ""
    """The runner's name and version."""
    agent: str
    ordinal: int
    """Number of the call among the agent's tool calls in the trial, from 0."""
    server: str
    tool: str
    description: str
    """The tool's own description, for whoever decides."""
    input_schema: dict[str, Any] = Field(default_factory=dict)
    """The tool's inputSchema, which changed arguments must fit."""
    arguments: dict[str, Any]
    risk: Risk
    timeout_s: float
    """Seconds until the policy decides instead."""


class Decision(Noun):
    """What was decided about one call."""

    decision: Literal["approved", "rejected", "modified", "timed_out"]
    """`timed_out`: nobody decided; the policy's `on_timeout` holds."""
    arguments: dict[str, Any] | None = None
    """All arguments of the call to make, when modified."""
    decided_by: str
    decided_at: str
    """ISO 8601, UTC."""
    reason: str = ""


class Approver(Protocol):
    """Decides about calls, each when it comes."""

    @property
    def kind(self) -> ApproverKind:
        """What stands in the events."""
        ...

    async def decide(self, request: ApprovalRequest) -> Decision:
        """Return the decision; cancelled when the trial ends before there is one."""
        ...
