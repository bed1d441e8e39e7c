"""Faults that the harness injects at the wire: what is done, to which calls, and how often.

    name: bad_day
    faults:
    - {on: model, kind: http_429, call: 3, retry_after_s: 0.5}
    - {on: tool, kind: timeout, tool: mailbox.send_mail, probability: 0.2}
    - {on: model, kind: http_503, while: elapsed_s < 2}

Which calls are hit depends on the seed and on the calls alone, so that every framework meets the
same faults; only a condition on elapsed_s depends on how fast it is. Embedding requests and the
simulated user's calls are never hit.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from agentdyno.core.canonical import content_hash
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name

SAMPLE: dict[str, Any] = {
    "elapsed_s": 1.0, "calls": 1, "attempt": 1, "hits": 1, "agent": "agent", "tool": "server.tool",
}
"""What a `while` condition knows, with values of the right types."""


def _is_condition(source: str) -> str:
    # Workers read this module too, and have no Jinja; only the harness reads conditions.
    from agentdyno.core.condition import check_condition

    check_condition(source, SAMPLE)
    return source


Condition = Annotated[str, Field(min_length=1), AfterValidator(_is_condition)]
FaultTool = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*\.(\*|[^\s.*][^\s]*)$")]

TRANSPORT = ("http_429", "http_500", "http_503", "timeout", "connection_reset")
"""Model faults that leave the call without an answer: `uniform` has the gateway try again."""

_TAKES: dict[str, tuple[str, ...]] = {
    "model http_429": ("retry_after_s", "text"), "model http_500": ("text",),
    "model http_503": ("retry_after_s", "text"), "model timeout": ("delay_s",),
    "model connection_reset": (), "model slow_first_token": ("delay_s",),
    "model truncated_stream": (), "model malformed_arguments": (),
    "model unknown_tool": ("text",), "model empty_content": (), "model refusal": ("text",),
    "tool error": ("text",), "tool timeout": ("delay_s",), "tool slow": ("delay_s",),
    "tool truncated_result": (), "tool garbage_result": ("text",), "tool server_crash": (),
    "tool prompt_injection": ("text",),
}


class _Aimed(Noun):
    """Which calls a fault hits; exactly one of `call`, `probability` and `while` says when."""

    name: Name | None = None
    """What the fault is called in results; `on` and `kind` when absent."""
    agent: Name | None = None
    """Only calls of this agent count; every agent's when absent."""
    call: int | None = Field(default=None, ge=1)
    """Number of the first call that is hit, from 1, among the calls that the fault can be done
    to. Without `agent` they are counted over the whole team."""
    probability: float | None = Field(default=None, gt=0, le=1)
    """Chance of each call to be hit, drawn from the trial's seed, the agent and the number of the
    call."""
    while_: Condition | None = Field(
        default=None, alias="while",
        description="Jinja expression: calls are hit while it is true. It knows elapsed_s (of the "
        "trial), calls (that the fault can be done to so far, this one included), attempt (of "
        "this call, from 1), hits (so far), agent and tool (server.tool).",
    )
    times: int | None = Field(default=None, ge=1)
    """How many attempts are hit: from `call` on (default 1), of each call drawn by `probability`
    (default 1), or in all while the condition holds (default: no bound)."""
    delay_s: float | None = Field(default=None, ge=0, le=600)
    """Seconds that a slow answer or a timeout takes; default 1."""
    text: str | None = Field(default=None, min_length=1)
    """Text of the error, the refusal, the garbage or the injection; the name of the unknown tool.
    """

    @property
    def wait_s(self) -> float:
        """Seconds of a slow answer or a timeout."""
        return 1.0 if self.delay_s is None else self.delay_s

    @property
    def label(self) -> str:
        """What the fault is called in results."""
        return self.name or f"{getattr(self, 'on', '')}_{getattr(self, 'kind', '')}"

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        given = [
            name for name, value in (
                ("call", self.call), ("probability", self.probability), ("while", self.while_)
            ) if value is not None
        ]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"says when by exactly one of call, probability, while; has {found}")
        return self

    @model_validator(mode="after")
    def _takes_its_parameters(self) -> Self:
        what = f"{getattr(self, 'on', '')} {getattr(self, 'kind', '')}"
        takes = _TAKES.get(what, ())
        for name in ("retry_after_s", "delay_s", "text"):
            if getattr(self, name, None) is not None and name not in takes:
                known = f"it takes {', '.join(takes)}" if takes else "it takes no parameter"
                raise ValueError(f"{name} means nothing to {what}; {known}")
        return self


class ModelFault(_Aimed):
    """A fault of the model or of the way to it."""

    on: Literal["model"]
    kind: Literal[
        "http_429", "http_500", "http_503", "timeout", "connection_reset", "slow_first_token",
        "truncated_stream", "malformed_arguments", "unknown_tool", "empty_content", "refusal",
    ]
    """`timeout` holds the request for `delay_s` and then drops the connection;
    `malformed_arguments` and `unknown_tool` hit answers that call a tool; `truncated_stream` cuts
    a stream before its finish reason, and a whole answer in the middle of its JSON."""
    retry_after_s: float | None = Field(default=None, ge=0, le=600)
    """Retry-After header of http_429 (default 1) and http_503 (default none), in seconds."""


class ToolFault(_Aimed):
    """A fault of a tool or of its server."""

    on: Literal["tool"]
    kind: Literal[
        "error", "timeout", "slow", "truncated_result", "garbage_result", "server_crash",
        "prompt_injection",
    ]
    """`error` and `server_crash` come before the tool does anything; `timeout` loses the answer
    of a tool that has done its work."""
    tool: FaultTool | None = None
    """Only calls of `server.tool`, or of `server.*`; every tool's when absent."""

    def fits(self, tool: str) -> bool:
        """Tell whether `tool`, as `server.tool`, is one that this fault is meant for."""
        wanted = self.tool
        return wanted is None or wanted == tool or (
            wanted.endswith(".*") and tool.startswith(wanted[:-1])
        )


FaultSpec = Annotated[ModelFault | ToolFault, Field(discriminator="on")]


class FaultPlan(Noun):
    """A file of faults (`--faults`), or those of a scenario."""

    name: Name
    """Identifier, shown with the results."""
    faults: tuple[FaultSpec, ...] = ()
    """Of several that hit one attempt, the first is injected."""

    @property
    def key(self) -> str:
        """What identifies the plan in a trial: name and content hash; "" when it does nothing."""
        if not self.faults:
            return ""
        dumped = [fault.model_dump(mode="json", by_alias=True) for fault in self.faults]
        return f"{self.name}:{content_hash(dumped)[:8]}"

    def singles(self) -> "tuple[FaultPlan, ...]":
        """Return one plan per fault, each named after what it does."""
        taken: dict[str, int] = {}
        return tuple(
            FaultPlan(name=_unused(fault.label, taken), faults=(fault,))
            for fault in self.faults
        )


def plan_of(name: str, faults: Iterable[ModelFault | ToolFault]) -> FaultPlan | None:
    """Return the plan of a scenario's own `faults`; None when it has none."""
    given = tuple(faults)
    return FaultPlan(name=name, faults=given) if given else None


def read_fault_plan(path: Path, shown_as: str | None = None) -> FaultPlan:
    """Read a fault plan; raises `InputError` with every problem of the file."""
    from agentdyno.core.yamlfile import load_yaml, validate_model

    return validate_model(load_yaml(path, shown_as), FaultPlan)


def _unused(name: str, taken: dict[str, int]) -> str:
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else f"{name}_{taken[name]}"
