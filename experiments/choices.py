"""Which live model each agent of a scenario speaks with."""

from collections.abc import Mapping

from pydantic import ValidationError

from agentdyno.core.errors import UsageError
from agentdyno.core.model import ModelChoice
from agentdyno.core.yamlproblem import nearest
from agentdyno.scenarios.loader import LoadedScenario
from agentdyno.scenarios.modelrefs import DEFAULT_ALIAS

EXAMPLE = "--llm openai:gpt-5-mini"


def choices_of(loaded: LoadedScenario, llm: str | None) -> dict[str, ModelChoice]:
    """Return the model of every agent, and of the simulated user and the judge where there are.

    An agent's `model` is an alias in the scenario's `models`, or `provider:name` itself. Where it
    is neither, `llm` is asked, which may be an alias too. Fallbacks are resolved: those of the
    result are choices, not names.

    Raises:
        UsageError: an agent has no model, or `llm` names none.
    """
    models = loaded.scenario.models
    found: dict[str, ModelChoice] = {}
    for agent, model in ((spec.name, spec.model) for spec in loaded.asked):
        if model in models or ":" in model:
            found[agent] = _resolved(model, models, f"agent {agent!r} of {loaded.scenario.name!r}")
        elif llm is not None:
            found[agent] = _resolved(llm, models, "--llm")
        else:
            raise _no_model(loaded, agent, model)
    return found


def _resolved(
    entry: str | ModelChoice, models: Mapping[str, str | ModelChoice], who: str
) -> ModelChoice:
    """Return the choice behind an alias or a name, with its fallbacks resolved."""
    if isinstance(entry, str) and entry in models:
        entry = models[entry]
    if isinstance(entry, str):
        try:
            return ModelChoice.of(entry)
        except ValidationError as error:
            raise UsageError(
                f"{who}: {entry!r} is no model{nearest(entry, models)}: it should be "
                "provider:name, as in openai:gpt-5-mini, or with an address, as in "
                "vllm:qwen3@http://localhost:8000/v1.",
                EXAMPLE,
            ) from error
    if entry.fallback is None:
        return entry
    return entry.model_copy(update={"fallback": _resolved(entry.fallback, models, who)})


def _no_model(loaded: LoadedScenario, agent: str, model: str) -> UsageError:
    name = loaded.scenario.name
    if model == DEFAULT_ALIAS:
        return UsageError(
            f"agent {agent!r} of scenario {name!r} names no model, and neither does --llm.",
            f"agentdyno run {name} --model live {EXAMPLE}",
        )
    return UsageError(
        f"agent {agent!r} of scenario {name!r} asks for the model {model!r}"
        f"{nearest(model, loaded.scenario.models)}, which its `models:` does not have; "
        "--llm is not given either.",
        f"agentdyno run {name} --model live {EXAMPLE}, or add to its models: "
        f"{model}: openai:gpt-5-mini",
    )
