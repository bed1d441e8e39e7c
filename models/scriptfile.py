"""The YAML file of a scripted model, as nouns; see `design/scripted-model.md`."""

import json
from pathlib import Path
from typing import Any, Self

from pydantic import Field, JsonValue, model_validator

from agentdyno.core.describe import described_schema
from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name

INTENTS = ("call", "calls", "say", "data", "handoff", "delegate", "approve", "http_error")
"""Keys of a rule that say what to do."""
_WITH_TEXT = ("call", "calls", "handoff", "delegate", "approve")
SCHEMA_FILE = Path(__file__).parent / "schemas" / "script.schema.json"


class CallSpec(Noun):
    """One tool call."""

    tool: str = Field(min_length=1)
    """The tool's name; a prefix that a framework puts before it may be left out."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict)
    """Arguments. Texts in them are templates; a text that is one `{{ expression }}` keeps the
    expression's JSON type."""
    anyway: bool = False
    """Call the tool even if it is not offered, to see what the framework makes of it."""
    malformed: bool = False
    """Cut the last character off the arguments, so that they are no JSON."""


class DelegateSpec(Noun):
    """Work for another agent, whose answer comes back."""

    to: Name
    """The agent that should do it."""
    task: str = Field(min_length=1)
    """What it should do; a template."""
    context: str = ""
    """What it needs to know; a template. Joins the task where the framework has no place for it."""


class HttpErrorSpec(Noun):
    """An error of the model's provider."""

    status: int = Field(ge=400, le=599)
    """HTTP status."""
    message: str = Field(min_length=1)
    """Message in the error body; a template."""


class Rule(Noun):
    """What an agent does in one state of its conversation. The first rule that matches counts."""

    when: str | None = None
    """Jinja expression over the state; without it the rule always matches."""
    call: CallSpec | None = None
    """Call one tool."""
    calls: tuple[CallSpec, ...] | None = Field(default=None, min_length=1)
    """Call several tools in one turn."""
    say: str | None = None
    """Answer with this text, a template; beside another intent, the text that goes with it."""
    data: JsonValue = None
    """Answer with this structured output; texts in it are templates."""
    handoff: Name | None = None
    """Hand the conversation over to this agent."""
    delegate: DelegateSpec | None = None
    """Have another agent do something."""
    approve: bool | str | None = None
    """Approve or reject what is under review: true, false or an expression."""
    http_error: HttpErrorSpec | None = None
    """Fail as a provider would."""

    @model_validator(mode="after")
    def _one_intent(self) -> Self:
        given = [key for key in INTENTS if getattr(self, key) is not None]
        other = [key for key in given if key != "say"]
        if not given:
            raise ValueError(f"a rule needs one of {', '.join(INTENTS)}")
        if len(other) > 1:
            raise ValueError(f"a rule has one intent, not {' and '.join(other)}")
        if "say" in given and other and other[0] not in _WITH_TEXT:
            raise ValueError(f"say cannot stand beside {other[0]}")
        return self

    @property
    def tool_calls(self) -> tuple[CallSpec, ...]:
        """The tools to call, from `call` or `calls`."""
        return (self.call,) if self.call else self.calls or ()


class LatencySpec(Noun):
    """How long answers take. Drawn anew for each answer, from the trial's seed and the state."""

    first_token_s: float = Field(default=0.0, ge=0, le=600)
    """Seconds before the first token."""
    tokens_per_s: float | None = Field(default=None, gt=0)
    """Tokens per second after that; null for all at once."""
    jitter: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative deviation of both: 0.2 means between 0.8 and 1.2 times."""


class ScriptFile(Noun):
    """A scripted model."""

    extends: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+\.ya?ml$")
    """Script in the same folder whose rules are tried after this file's of the same agent."""
    agents: dict[str, tuple[Rule, ...]] = Field(min_length=1)
    """Rules of each agent of the team, in the order in which they are tried."""
    latency: LatencySpec | None = None
    """Null to answer at once."""
    verbatim: bool = False
    """Whether texts are said and passed on as they stand, with `{{` as two braces; `when` and
    `approve` stay expressions."""


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a script file, which editors complete it by."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", **described_schema(ScriptFile),
    }


def schema_text() -> str:
    """Return the text of the committed schema file."""
    return json.dumps(schema(), indent=2) + "\n"
