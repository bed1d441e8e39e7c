"""One cell of the matrix, before and after it ran."""

from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.approval import ApproverKind
from agentdyno.core.event import Event
from agentdyno.core.judged import Judged
from agentdyno.core.noun import Noun
from agentdyno.core.pattern import Pattern
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.variant import BASELINE, PromptUse

Retries = Literal["uniform", "as-shipped"]
"""Who retries a failed model call: the gateway, in one way for all, or each framework in its own.
"""


USER_SIMULATOR = "user_simulator"
"""Name that the simulated user's calls carry; no agent of a team may have it. What it costs is the
bench's own, so it is in no count of the framework's."""


class Outcome(StrEnum):
    """How execution ended. Only `harness_fault` and `cancelled` leave the denominator."""

    COMPLETED = "completed"
    LIMIT = "limit"
    AGENT_FAULT = "agent_fault"
    HARNESS_FAULT = "harness_fault"
    CANCELLED = "cancelled"


class Endpoint(Noun):
    """The two addresses that a framework is given for one agent."""

    model_base_url: str
    """OpenAI-compatible base URL, ending in /v1; its path names trial and agent."""
    mcp_url: str | None = None
    """Streamable-HTTP MCP address; null for an agent without tools."""


class Assignment(Noun):
    """Everything a runner needs to execute one trial."""

    trial_id: str
    """Identifier in every path, table and log."""
    pattern: Pattern
    """How the team works together."""
    agents: tuple[AgentSpec, ...]
    """The team, in the scenario's order."""
    user_turns: tuple[str, ...] = ()
    """What the user says, turn by turn; the conversation is kept between them."""
    asks_user: bool = False
    """Whether the harness is asked for what the user says after `user_turns`."""
    endpoints: dict[str, Endpoint]
    """Addresses by agent name."""
    token: str = Field(repr=False)
    """Bearer token of this trial, for both gateways."""
    limits: Limits = Limits()
    """Bounds of the trial."""
    stream: bool = False
    """Ask the model for streamed responses."""
    retries: Retries = "uniform"
    """`uniform`: the framework's own retries off. `as-shipped`: its own defaults, untouched."""

    @model_validator(mode="after")
    def _somebody_speaks(self) -> Self:
        if not self.user_turns and not self.asks_user:
            raise ValueError("a trial needs a user turn, or a user to ask for one")
        return self

    def agent(self, name: str) -> AgentSpec:
        """Return the spec of agent `name`; raises KeyError when the team has none."""
        for spec in self.agents:
            if spec.name == name:
                return spec
        raise KeyError(name)


class Usage(Noun):
    """Tokens as the framework itself reports them; only ever compared with the wire."""

    requests: int | None = None
    """Model calls, when the framework counts them."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Answer(Noun):
    """What a runner returns."""

    texts: tuple[str, ...]
    """One final text per user turn."""
    usage: Usage | None = None
    """What the framework says it used; null when it says nothing."""
    stopped_by_limit: bool = False
    """Whether the framework stopped at its own turn limit instead of answering."""
    note: str = ""
    """How the framework reported the limit, for the trial's page."""


class Setting(Noun):
    """One line of the parity manifest."""

    name: str
    """What was asked to be equal, such as `temperature` or `max_turns`."""
    requested: Any
    """What the scenario asks for."""
    effective: Any
    """What the framework was really given."""
    note: str = ""
    """Why they differ, when they do."""


class WorkerReport(Noun):
    """What the worker says when a trial ends."""

    ended: Literal["returned", "raised", "timeout", "died", "cancelled"]
    """How the runner's call ended; `died` when the worker process itself went away."""
    answer: Answer | None = None
    """Null when the runner raised or was stopped."""
    error_type: str | None = None
    """Class name of the exception that ended the trial."""
    error: str | None = None
    """Its message and the last lines of its traceback."""
    cpu_s: float = 0.0
    """CPU seconds (user+system) of the worker during the trial, shared evenly among the
    trials that ran at the same time."""
    cold: bool = False
    """Whether the trial began before any other had ended in its process: its CPU time then
    includes what the framework imports and builds on first use."""
    peak_rss_mb: float = 0.0
    """Highest resident memory of the worker process so far, in MiB."""
    parity: tuple[Setting, ...] = ()
    """Requested and effective settings."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of python and of the packages that the runner is made of."""


class TrialKey(Noun):
    """Everything that decides what a trial does; its hash is the trial's identity."""

    scenario: str
    case: str = ""
    """Instance of the scenario; "" when it has only itself."""
    scenario_digest: str
    """Content hash of the scenario's resolved definition and of every file it uses."""
    runner: str
    runner_version: str
    runner_digest: str
    """Content hash of the runner's lock file and of its adapter's source."""
    variant: str = BASELINE
    model: str = "scripted"
    """Where answers come from: `scripted`, `replay`, or the models that were asked, by name."""
    model_digest: str
    """Content hash of what the answers depend on: script, cassette, or models by agent."""
    tools: Literal["live", "replay"] = "live"
    """Whether tool results come from servers or from the cassette."""
    retries: Retries = "uniform"
    """Retry profile."""
    faults: str = ""
    """Name and content hash of the fault plan; "" for none."""
    approver: ApproverKind | Literal[""] = ""
    """Who decides about tool calls that wait; "" where none does."""
    repeat: int = Field(default=0, ge=0)
    seed: int = 0
    stream: bool = False
    isolation: Literal["worker", "inprocess"] = "worker"

    @property
    def situation(self) -> str:
        """Return `scenario:case`, or the scenario alone, as a user would type it."""
        return f"{self.scenario}:{self.case}" if self.case else self.scenario

    @property
    def place(self) -> str:
        """Return where in its matrix the trial stands, in words."""
        variant = "" if self.variant == BASELINE else f" in variant {self.variant}"
        return f"{self.situation} × {self.runner}{variant}, repeat {self.repeat}"


class Verdict(Noun):
    """The answer to one check."""

    check: str
    """Id of the check."""
    status: Literal["pass", "fail", "inconclusive", "error"]
    reason: str
    """Why, quoting the evidence."""
    judged: Judged | None = None
    """What a judge said; null for every other check."""


class Trial(Noun):
    """A sealed trial: nothing in it changes any more."""

    id: str
    key: TrialKey
    outcome: Outcome
    reason: str = ""
    """Why the outcome is not `completed`."""
    answers: tuple[str, ...] = ()
    user_turns: tuple[str, ...] = ()
    """The scenario's turns; those that were really said when the user was simulated."""
    agents: tuple[AgentSpec, ...] = ()
    prompts: tuple[PromptUse, ...] = ()
    """Which prompt each agent was given; none in trials that were stored before it was kept."""
    pattern: Pattern | None = None
    """How the team worked together; null in trials that were stored before patterns were."""
    started_at: str
    """ISO 8601, UTC."""
    duration_s: float
    """Wall seconds from the assignment to the report, without the time that calls waited for
    approval."""
    waited_s: float = 0.0
    """Wall seconds in which at least one call waited for approval."""
    events: tuple[Event, ...] = ()
    end_state: dict[str, Any] = Field(default_factory=dict)
    """State of each tool server that can tell it, by server, as JSON."""
    report: WorkerReport
    usage_reported: Usage | None = None
    notes: tuple[str, ...] = ()
    """What the harness has to say about the trial, such as recordings that nobody asked for."""
    verdicts: tuple[Verdict, ...] = ()
    judging: tuple[Event, ...] = ()
    """What judges took once the trial was over; their seconds begin with the judging."""
    wire_digest: str = ""
    """Hash of what the team sent; trials of one case that share it differ in time alone. "" in
    trials that were stored before there was one."""
