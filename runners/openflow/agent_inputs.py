"""The inputs of an aiagent step, evaluated."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agentdyno.runners.openflow.outcome import StepError

Written = dict[str, Any]
"""One message in the form of the OpenAI chat API, with Windmill's `agent_action`."""


class _Inputs(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Provider(_Inputs):
    """Which model, and where: `resource` is the resolved resource (base_url, api_key)."""

    kind: str
    model: str
    resource: dict[str, str]
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None


class Memory(_Inputs):
    """What a step remembers of earlier runs with the same memory id."""

    kind: Literal["off", "window", "auto", "manual"] = "off"
    context_length: int = 0
    messages: tuple[Written, ...] = ()


class Inputs(_Inputs):
    """The evaluated inputs of an aiagent step."""

    provider: Provider
    user_message: str | None = None
    system_prompt: str | None = None
    output_type: Literal["text"] = "text"
    output_schema: dict[str, Any] | None = None
    memory: Memory = Memory()
    memory_id: str | None = None
    previous_messages: tuple[Written, ...] = ()
    streaming: bool | None = None
    temperature: float | None = None
    max_completion_tokens: int | None = None
    max_iterations: int = 10
    tool_choice: Literal["auto", "required", "none"] = "auto"
    """Not of Windmill, whose model always chooses: an addition that it would ignore."""


def inputs_of(args: dict[str, Any]) -> Inputs:
    """Return the inputs; what is null is absent.

    Raises:
        StepError: they are wrong.
    """
    try:
        return Inputs.model_validate({key: val for key, val in args.items() if val is not None})
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise StepError(f"the inputs of the aiagent are wrong: {wrong}", name="BadInput") from None
