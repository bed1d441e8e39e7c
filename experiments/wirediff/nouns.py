"""The nouns of a wire diff. `a` and `b` are the two trials, in the order given.

Numbers of calls are numbers of aligned pairs of one agent's calls, from 1, in the order of the
alignment: a call that only one trial made has a number too.
"""

from typing import Any, Literal

from agentdyno.core.noun import Noun

Where = dict[str, tuple[int, ...]]
"""Agent -> numbers of its calls in which something was seen."""


class Parts(Noun):
    """Tokens by the part of the request that takes them, counted by the harness in one way for
    every framework and provider; `completion` is what came back."""

    system: int = 0
    """System and developer messages, and instructions."""
    user: int = 0
    assistant: int = 0
    """What the model had said before, tool calls included."""
    tool_results: int = 0
    tool_schemas: int = 0
    output_schema: int = 0
    """The schema that the answer must have."""
    completion: int = 0

    @property
    def prompt(self) -> int:
        """All parts of the request."""
        return (self.system + self.user + self.assistant + self.tool_results + self.tool_schemas
                + self.output_schema)

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(**{
            name: getattr(self, name) + getattr(other, name) for name in Parts.model_fields
        })


class Side(Noun):
    """One of the two trials."""

    trial: str
    """Its id."""
    scenario: str
    runner: str
    """Name and version of the runner."""
    variant: str
    repeat: int
    model: str
    retries: str
    """Retry profile."""
    faults: str
    """Fault plan; "" for none."""
    stream: bool
    calls: int
    """Requests for an answer, refused ones included."""
    tokens: Parts
    """Over all calls."""


class Line(Noun):
    """One row of a text diff: lines of both texts, side by side."""

    kind: Literal["same", "changed", "removed", "added"]
    """`removed` stands in `a` alone, `added` in `b` alone."""
    a: str | None = None
    b: str | None = None


class Change(Noun):
    """One difference between two JSON values."""

    path: str
    """Keys and indexes from the outside in, joined by dots."""
    kind: Literal["removed", "added", "changed", "reordered"]
    """`removed`: in `a` alone; `added`: in `b` alone; `reordered`: same members, another order."""
    a: Any = None
    b: Any = None


class ParameterDiff(Noun):
    """A request parameter that differs."""

    change: Change
    where: Where


class ToolDiff(Noun):
    """A tool that is offered in two ways, or on one side alone."""

    a: str | None
    """Name in `a`; null when it is not offered there."""
    b: str | None
    """Name in `b`; null when it is not offered there."""
    tokens_a: int = 0
    """Tokens of its whole definition in `a`."""
    tokens_b: int = 0
    changes: tuple[Change, ...] = ()
    """Differences of the definitions, without the name."""
    description: tuple[Line, ...] = ()
    """The description, when it differs."""
    where: Where


class ToolOrder(Noun):
    """The same tools, offered in another order."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    where: Where


class MessageDiff(Noun):
    """A message that differs."""

    kind: Literal["removed", "added", "changed", "form", "moved"]
    """`removed`: in `a` alone; `added`: in `b` alone; `changed`: another text, role or name;
    `form`: the same content written in another way (a wrapped tool result, spaces in JSON);
    `moved`: the same message at another place."""
    at_a: int | None = None
    """Place in the request of `a`, from 1."""
    at_b: int | None = None
    role_a: str | None = None
    role_b: str | None = None
    name_a: str | None = None
    """Who spoke, when the framework said so."""
    name_b: str | None = None
    tokens_a: int = 0
    tokens_b: int = 0
    stands_in: int | None = None
    """Place of the message of the other request that holds the whole text of one that is `removed`
    or `added`: frameworks merge and split messages."""
    text: tuple[Line, ...] = ()
    """The text; empty when it is the same."""


class AskedCall(Noun):
    """One request as it was sent."""

    ordinal: int
    """`ModelCall.ordinal`."""
    api: str
    """Wire dialect."""
    status: int
    error: str | None = None
    tokens: Parts
    roles: tuple[str, ...]
    """Role of each message, with its name in brackets."""
    tools: tuple[str, ...]
    """Names of the tools offered, in order."""
    asks_for: tuple[str, ...] = ()
    """Names of the tools that the answer called."""
    unreadable: str | None = None
    """Why the messages cannot be compared; null when they can."""


class CallDiff(Noun):
    """Two calls that ask for the same step, or one that only one trial made."""

    agent: str
    number: int
    """Number among the agent's pairs, from 1."""
    a: AskedCall | None
    b: AskedCall | None
    messages: tuple[MessageDiff, ...] = ()
    """Differing messages that no earlier call of this agent told."""
    repeated: int = 0
    """Differing messages that an earlier call told: conversations are sent again with each call.
    """


class TrialDiff(Noun):
    """Everything that differs between what two trials sent to the model."""

    a: Side
    b: Side
    calls: tuple[CallDiff, ...]
    """All pairs, agent by agent in the order in which `a`'s agents speak."""
    parameters: tuple[ParameterDiff, ...]
    tools: tuple[ToolDiff, ...]
    order: tuple[ToolOrder, ...]
    notes: tuple[str, ...] = ()
    """What the reader must know to read the rest, such as two different scenarios."""

    @property
    def same(self) -> bool:
        """Whether nothing differs but what came back."""
        return not (self.parameters or self.tools or self.order) and all(
            call.a and call.b and not call.messages and not call.repeated for call in self.calls
        )
