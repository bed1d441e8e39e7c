"""A user's own program as a runner: `agentdyno run SCENARIO --runner my_app.yaml`.

    # yaml-language-server: $schema=.../core/schemas/runner.schema.json
    name: my_app
    runner: command
    command: [node, dist/agent.js]
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agentdyno.core.noun import Noun
from agentdyno.core.spec import Name

TARGET = r"^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$"


class OwnRunner(Noun):
    """One program that answers tasks: a process for each user turn."""

    name: Name
    """Name in tables and commands."""
    runner: Literal["command", "python"]
    """`command` starts a program; `python` calls a function."""
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Program and arguments, for `command`."""
    target: str | None = Field(default=None, pattern=TARGET)
    """`module:function`, for `python`: called with the task, and with a `Trial` as well when it
    takes a second argument; may be async; returns the answer."""
    python: str | None = Field(default=None, min_length=1)
    """Interpreter of `target`, such as `.venv/bin/python`; agentdyno's own when absent."""
    cwd: str = Field(default=".", min_length=1)
    """Working folder, relative to this file."""
    env: dict[str, str] = Field(default_factory=dict)
    """Environment variables added; `${env:NAME}` reads the harness's own."""
    answer: Literal["stdout", "file"] = "stdout"
    """Where a `command` leaves its answer: what it prints, or the file that
    AGENTDYNO_ANSWER_FILE names."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ("**/*",)
    """Files whose content is the program's version, as globs below `cwd`: stored trials count as
    long as it is the same."""

    @model_validator(mode="after")
    def _program_or_function(self) -> Self:
        if self.runner == "command" and (self.command is None or self.target or self.python):
            raise ValueError("runner: command needs `command`, and takes no target or python")
        if self.runner == "python" and (self.target is None or self.command):
            raise ValueError("runner: python needs `target`, and takes no command")
        if self.runner == "python" and self.answer == "file":
            raise ValueError("runner: python answers by what the function returns")
        return self
