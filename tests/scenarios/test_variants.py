"""Variants: declared in a scenario, applied to its team, and refused with their line."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.variant import Variant
from agentdyno.experiments.request import read_request
from agentdyno.experiments.variants import Declared, variants_of
from agentdyno.scenarios.loader import load_cases, text_digest

SCENARIO = """
name: tiny
title: Two agents speak
vars: {{tone: plain}}
user: [Say hello]
agents:
  first: {{role: Greeter, goal: Greet, instructions: "Greet in a {{{{ tone }}}} way."}}
  second: {{role: Editor, goal: Edit, instructions: "Shorten it."}}
pattern: {{type: pipeline, steps: [first, second]}}
script: script.yaml
checks:
- {{id: said, type: contains, text: hello}}
{variants}
"""


def written(tmp_path: Path, variants: str = "") -> str:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "scenario.yaml").write_text(SCENARIO.format(variants=variants))
    alone = "agents:\n  first:\n  - say: hello\n"
    (folder / "script.yaml").write_text(alone + "  second:\n  - say: hello\n")
    (folder / "alone.yaml").write_text(alone)
    return str(folder)


VARIANTS = """
variants:
  warm: {vars: {tone: warm}}
  alone:
    pattern: {type: single, agent: first}
    limits: {max_model_calls: 3}
    script: alone.yaml
  hot:
    every_agent: {temperature: 1.0, model: "openai:gpt-5-mini"}
    agents: {second: {instructions: "Leave it.", temperature: 0.2}}
"""


async def loaded(path: str, *names: str) -> dict:
    settings = Settings(cache=Path("/nonexistent"))
    return dict(await variants_of(path, names, settings))


async def test_all_is_the_baseline_and_every_declared_variant(tmp_path: Path) -> None:
    found = await loaded(written(tmp_path, VARIANTS), "all")
    assert list(found) == ["baseline", "alone", "hot", "warm"]
    assert found["baseline"].agents[0].instructions == "Greet in a plain way."
    assert found["warm"].agents[0].instructions == "Greet in a warm way."
    assert [agent.name for agent in found["alone"].agents] == ["first"]
    assert found["alone"].scenario.limits.max_model_calls == 3
    assert [agent.temperature for agent in found["hot"].agents] == [1.0, 0.2]
    assert {agent.model for agent in found["hot"].agents} == {"openai:gpt-5-mini"}
    assert found["hot"].agents[1].instructions == "Leave it."


async def test_each_variant_has_a_digest_of_its_own_and_the_baseline_keeps_its(
    tmp_path: Path,
) -> None:
    with_variants = await loaded(written(tmp_path, VARIANTS), "all")
    assert len({one.digest for one in with_variants.values()}) == 4
    changed = Variant(vars={"tone": "plain"})
    again = load_cases(str(tmp_path / "tiny"), variant=changed)[0]
    assert again.digest == with_variants["baseline"].digest


async def test_a_trial_is_told_which_prompts_it_gets_before_any_template_is_rendered(
    tmp_path: Path,
) -> None:
    found = await loaded(written(tmp_path, VARIANTS), "baseline", "warm", "hot")
    template = "Greet in a {{ tone }} way."
    for variant in ("baseline", "warm"):
        first, second = found[variant].prompt_uses
        assert (first.name, first.sha256) == ("tiny.first", text_digest(template))
        assert second.name == "tiny.second"
    assert found["hot"].prompt_uses[1].sha256 == text_digest("Leave it.")


async def test_the_matrix_has_the_scenario_once_for_each_variant(tmp_path: Path) -> None:
    options = RunOptions(scenarios=(written(tmp_path, VARIANTS),), runners=(), variants=("all",))
    request = await read_request(Settings(cache=tmp_path), options)
    assert [one.variant for one in request.scenarios] == ["baseline", "alone", "hot", "warm"]


async def test_an_experiment_declares_variants_in_the_scenarios_place(tmp_path: Path) -> None:
    declared = Declared(
        variants={"cold": Variant(vars={"tone": "cold"})}, folder=tmp_path, owner="experiment x"
    )
    settings = Settings(cache=tmp_path)
    path = written(tmp_path, VARIANTS)
    found = dict(await variants_of(path, ("all",), settings, declared))
    assert list(found) == ["baseline", "cold"]
    with pytest.raises(UsageError, match=r"experiment x has no variant 'warm'"):
        await variants_of(path, ("warm",), settings, declared)


async def test_an_unknown_variant_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no variant 'wram'.*warm"):
        await loaded(written(tmp_path, VARIANTS), "wram")


@pytest.mark.parametrize(("variants", "key", "message"), [
    ("{baseline: {vars: {a: 1}}}", "variants.baseline", "means the scenario as it is"),
    ("{all: {vars: {a: 1}}}", "variants.all", "means every variant"),
    ("{x: {agents: {thrid: {role: A}}}}", "variants.x.agents.thrid", "no agent 'thrid'"),
    ("{x: {prompts: {thrid: 'prompts:/a@b'}}}", "variants.x.prompts.thrid", "no agent 'thrid'"),
    ("{x: {prompts: {first: 'file:a.md'}}}", "variants.x.prompts.first", "no file 'a.md'"),
    ("{x: {prompts: {first: 'b.md'}}}", "variants.x.prompts.first", ""),
    ("{x: {agents: {first: {extends: nobody}}}}", "variants.x.agents.first.extends", "archetype"),
    ("{x: {every_agent: {tools: ['mial.send']}}}", "variants.x.every_agent.tools.0", "mial"),
    ("{x: {pattern: {type: single, agent: nobody}}}", "variants.x.pattern.agent", "nobody"),
    ("{x: {script: other.yaml}}", "variants.x.script", "no file 'other.yaml'"),
    ("{x: {temprature: 1}}", "variants.x.temprature", ""),
])
def test_what_is_wrong_with_a_variant_is_told_with_its_line(
    tmp_path: Path, variants: str, key: str, message: str
) -> None:
    with pytest.raises(InputError) as error:
        load_cases(written(tmp_path, f"variants: {variants}"))
    found = {problem.key: problem for problem in error.value.problems}
    assert key in found, found
    assert message in found[key].message
    assert found[key].line > 1


async def test_a_pattern_with_an_agent_that_nobody_defines_is_refused(tmp_path: Path) -> None:
    declared = Declared(
        variants={"x": Variant.model_validate({"pattern": {"type": "single", "agent": "third"}})},
        folder=tmp_path, owner="experiment x",
    )
    with pytest.raises(UsageError, match="third"):
        await variants_of(written(tmp_path), ("x",), Settings(cache=tmp_path), declared)
