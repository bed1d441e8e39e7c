"""Files of human labels: one JSON object a line.

    {"input": "What does MSFT cost?", "output": "410 dollars", "label": true}
    {"id": "late", "input": "...", "output": "...", "labels": [1, 0, 1], "context": ["..."]}
    {"trial": "3f2a9c", "labels": [0.5, 0.75]}
"""

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.noun import Noun
from agentdyno.evals.judges.material import Material, UsedTool

_HELP = "agentdyno judge calibrate --help"

Label = Annotated[float, Field(ge=0, le=1)]


class LabelledTool(Noun):
    """A tool call that the case shows."""

    name: str
    input: dict[str, Any] = Field(default_factory=dict)
    output: str = ""


class Labelled(Noun):
    """One line: what is judged, or the stored trial that is, and what people say of it."""

    id: str = ""
    """Name in messages; the number of the line when absent."""
    trial: str | None = Field(default=None, min_length=4)
    """Id of a stored trial whose score is in the store already."""
    input: str | None = None
    output: str | None = None
    expected: str | None = None
    context: tuple[str, ...] = ()
    tools: tuple[LabelledTool, ...] = ()
    label: Label | None = None
    """true, false, or a number from 0 to 1."""
    labels: tuple[Label, ...] = ()
    """The same by several people."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.label is None) == (not self.labels):
            raise ValueError("needs either label or labels")
        if self.trial is None and (self.input is None or not self.output):
            raise ValueError("needs trial, or input and output")
        if self.trial is not None and (self.input is not None or self.output is not None):
            raise ValueError("has both trial and a case of its own")
        return self

    @property
    def said(self) -> tuple[float, ...]:
        """Return every label."""
        return self.labels or ((self.label,) if self.label is not None else ())

    def material(self) -> Material:
        """Return what the judge is shown."""
        assert self.input is not None, "a stored trial is not asked about"
        assert self.output is not None, "a stored trial is not asked about"
        tools = tuple(
            UsedTool(name=tool.name, arguments=tool.input, result=tool.output)
            for tool in self.tools
        )
        return Material(
            input=self.input, output=self.output, expected=self.expected, tools=tools,
            context=self.context or tuple(tool.result for tool in tools if tool.result.strip()),
            trace={
                "name": "agent", "type": "agent", "input": self.input, "output": self.output,
                "children": [
                    {"name": tool.name, "type": "tool", "input": tool.arguments,
                     "output": tool.result} for tool in tools
                ],
            },
        )


def read_labels(path: Path) -> tuple[Labelled, ...]:
    """Read a file of labels.

    Raises:
        UsageError: it cannot be read, or holds no case.
        InputError: with every line that is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", _HELP) from error
    found: dict[str, Labelled] = {}
    problems = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            case = Labelled.model_validate(json.loads(line))
            name = case.id or f"line {number}"
            if name in found:
                raise ValueError(f"a case {name!r} stands above")
            found[name] = case.model_copy(update={"id": name})
        except ValidationError as error:
            first = error.errors()[0]
            problems.append(Problem(file=str(path), line=number, message=first["msg"],
                                    key=".".join(map(str, first["loc"]))))
        except ValueError as error:
            problems.append(Problem(file=str(path), line=number, key="", message=str(error)))
    if problems:
        raise InputError(problems, "correct these lines")
    if not found:
        raise UsageError(f"{path} holds no case.", _HELP)
    return tuple(found.values())
