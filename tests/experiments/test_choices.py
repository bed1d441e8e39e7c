"""Which live model each agent speaks with, and what is refused before anything runs."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.model import ModelChoice
from agentdyno.experiments.choices import choices_of
from agentdyno.scenarios.loader import LoadedScenario, load_scenario

HEAD = """\
name: talk
title: A conversation
user: [hello]
agents:
  one: {role: r, goal: g, instructions: i, model: %s}
  two: {role: r, goal: g, instructions: i}
pattern: {type: pipeline, steps: [one, two]}
"""
MODELS = """\
models:
  fast: openai:gpt-5-mini
  strong: {model: "openai:gpt-5", fallback: fast, fallback_after: 2}
"""


def load(folder: Path, model: str, models: str = "") -> LoadedScenario:
    (folder / "scenario.yaml").write_text(HEAD % model + models)
    return load_scenario(folder)


def problem(folder: Path, model: str, models: str) -> tuple[int, str, str]:
    with pytest.raises(InputError) as caught:
        load(folder, model, models)
    (found,) = caught.value.problems
    return found.line, found.key, found.message


def test_agents_have_models_of_their_own(tmp_path: Path) -> None:
    found = choices_of(load(tmp_path, "strong", MODELS), "ollama:qwen3")
    assert found == {
        "one": ModelChoice(model="openai:gpt-5", fallback_after=2,
                           fallback=ModelChoice.of("openai:gpt-5-mini")),
        "two": ModelChoice.of("ollama:qwen3"),
    }


def test_a_model_may_be_named_without_an_alias(tmp_path: Path) -> None:
    loaded = load(tmp_path, '"groq:llama"', "models: {default: openai:gpt-5-mini}\n")
    assert [choice.label for choice in choices_of(loaded, None).values()] == [
        "groq:llama", "openai:gpt-5-mini"
    ]


def test_llm_may_be_an_alias(tmp_path: Path) -> None:
    found = choices_of(load(tmp_path, "default", MODELS), "strong")
    assert {choice.label for choice in found.values()} == {"openai:gpt-5"}


def test_the_simulated_user_has_a_model_too(tmp_path: Path) -> None:
    (tmp_path / "scenario.yaml").write_text("""\
name: talk
title: A conversation
user: {simulate: {persona: You are in a hurry., goal: Learn the time., model: fast}}
agents: {solo: {role: r, goal: g, instructions: i}}
pattern: {type: single, agent: solo}
models: {fast: "openai:gpt-5-mini", default: "openai:gpt-5"}
""")
    found = choices_of(load_scenario(tmp_path), None)
    assert {name: choice.name for name, choice in found.items()} == {
        "solo": "gpt-5", "user_simulator": "gpt-5-mini",
    }


def test_an_agent_without_a_model_is_named_with_the_next_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="agent 'two' of scenario 'talk' names no model") as error:
        choices_of(load(tmp_path, "fast", MODELS), None)
    assert error.value.hint == "agentdyno run talk --model live --llm openai:gpt-5-mini"


def test_an_alias_of_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks for the model 'quick'"):
        choices_of(load(tmp_path, "quick"), None)


def test_an_llm_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--llm: 'gpt 5' is no model"):
        choices_of(load(tmp_path, "fast", MODELS), "gpt 5")


def test_an_alias_that_models_lack_is_refused_with_line_and_key(tmp_path: Path) -> None:
    line, key, message = problem(tmp_path, "fats", MODELS)
    assert (line, key) == (5, "agents.one.model")
    assert "there is no model 'fats' (did you mean 'fast'?)" in message


def test_a_fallback_that_is_not_there_is_refused(tmp_path: Path) -> None:
    line, key, message = problem(tmp_path, "fast", MODELS.replace("fallback: fast", "fallback: x"))
    assert (line, key) == (10, "models.strong.fallback")
    assert "there is no model 'x'" in message


def test_fallbacks_in_a_circle_are_refused(tmp_path: Path) -> None:
    models = "models:\n  a: {model: 'openai:x', fallback: a}\n"
    assert problem(tmp_path, "a", models) == (9, "models.a.fallback", "a -> a has no end")


def test_a_model_without_its_provider_is_refused(tmp_path: Path) -> None:
    line, key, _ = problem(tmp_path, "fast", "models:\n  fast: gpt-5\n")
    assert (line, key) == (9, "models.fast")


def test_an_unknown_key_of_a_model_is_refused(tmp_path: Path) -> None:
    models = "models:\n  fast:\n    model: openai:x\n    base_ur: http://x\n"
    line, key, message = problem(tmp_path, "fast", models)
    assert (line, key) == (11, "models.fast.base_ur")
    assert "did you mean 'base_url'?" in message


def test_two_addresses_of_one_model_are_refused(tmp_path: Path) -> None:
    models = "models:\n  a: {model: 'vllm:x@http://y/v1', base_url: 'http://z/v1'}\n"
    assert problem(tmp_path, "a", models)[1] == "models.a.base_url"
