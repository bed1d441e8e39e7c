"""Prompts by reference: registry, pulled files, and what stands under an alias."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentdyno.core.errors import InputError, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.promotion import Installed, PromotionDraft, PromptVersion
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.variant import Variant
from agentdyno.experiments.plan import plan
from agentdyno.experiments.prompts import resolve as resolving
from agentdyno.experiments.prompts.answers import Answered
from agentdyno.experiments.prompts.files import PromptFiles
from agentdyno.experiments.prompts.registry import Registry, RegistryAway
from agentdyno.experiments.prompts.resolve import Prompts, parse, resolve, standing_variant
from agentdyno.experiments.request import read_request
from agentdyno.experiments.variants import Declared
from agentdyno.scenarios.digest import text_digest
from agentdyno.scenarios.loader import load_scenario
from agentdyno.store.database import open_pool
from agentdyno.store.promotions import PromotionLog
from agentdyno.tests.experiments.registries import AbsentRegistry, MemoryRegistry

SCENARIO, NAME = "parcel_claims", "parcel_claims.clerk"
TEXT = "You are {{ role }}.\r\nSay {% raw %}{{x}}{% endraw %} and {\"a\": {\"b\": 1}}.\n\n "
RUNNER = "pydantic_ai"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(cache=tmp_path / "cache")


def use(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Prompts:
    """Have every reference of this test resolved by `registry`."""
    prompts = Prompts(registry, PromptFiles())
    monkeypatch.setattr(resolving, "prompts_of", lambda settings: prompts)
    return prompts


async def registered(*texts: str) -> MemoryRegistry:
    registry = MemoryRegistry()
    for text in texts:
        await registry.register({NAME: text})
    await registry.point("production", {NAME: len(texts)})
    return registry


def pulled(*texts: str) -> None:
    PromptFiles().write({NAME: [
        Answered(name=NAME, version=n, text=text, sha256=text_digest(text),
                 aliases=("production",) if n == len(texts) else ())
        for n, text in enumerate(texts, start=1)
    ]})


def test_references_name_a_version_or_an_alias() -> None:
    assert parse("prompts:/parcel_claims.clerk@production") == (NAME, "production")
    assert parse("prompts:/parcel_claims.clerk/12") == (NAME, 12)


async def test_a_reference_becomes_instructions_to_the_last_byte(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, await registered("old", TEXT))
    changes = Variant(prompts={"clerk": f"prompts:/{NAME}@production"})
    made, uses = await resolve(changes, settings, Path())
    assert made.agents["clerk"].instructions == TEXT
    assert made.prompts == {}
    assert uses["clerk"].version == 2
    assert uses["clerk"].sha256 == text_digest(TEXT)
    assert uses["clerk"].source == f"prompts:/{NAME}@production"


async def test_while_the_registry_is_away_pulled_files_stand_in_and_it_is_said(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pulled("old", TEXT)
    use(monkeypatch, AbsentRegistry())
    with caplog.at_level(logging.WARNING):
        made, uses = await resolve(
            Variant(prompts={"clerk": f"prompts:/{NAME}@production"}), settings, Path()
        )
    assert made.agents["clerk"].instructions == TEXT
    assert uses["clerk"].version == 2
    assert "from prompts/parcel_claims.clerk/v2.md: the prompt registry is away" in (
        uses["clerk"].source
    )
    assert "the prompt registry is away" in caplog.text


async def test_a_pulled_file_that_was_edited_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled(TEXT)
    PromptFiles().path(NAME, 1).write_text("Something else.")
    use(monkeypatch, AbsentRegistry())
    with pytest.raises(InputError, match="was edited"):
        await resolve(Variant(prompts={"clerk": f"prompts:/{NAME}/1"}), settings, Path())


async def test_without_registry_and_files_nothing_is_made_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, AbsentRegistry())
    with pytest.raises(RegistryAway):
        await resolve(Variant(prompts={"clerk": f"prompts:/{NAME}/1"}), settings, Path())


async def test_a_reference_to_nothing_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, await registered(TEXT))
    with pytest.raises(UsageError, match=r"there is no prompt prompts:/parcel_claims\.clerk/7"):
        await resolve(Variant(prompts={"clerk": f"prompts:/{NAME}/7"}), settings, Path())


async def test_two_texts_for_one_agent_are_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, await registered(TEXT))
    both = Variant(
        prompts={"clerk": f"prompts:/{NAME}/1"},
        agents={"clerk": AgentOverride(instructions="Other.")},
    )
    with pytest.raises(UsageError, match="leave one of the two out"):
        await resolve(both, settings, Path())


async def test_registry_files_and_inline_text_make_one_and_the_same_prompt(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "You are the {{ role }}. {{ goal }}\n\nSearch the rules first.\n"
    (tmp_path / "clerk.md").write_bytes(text.encode())
    pulled(text)
    declared = Declared(folder=tmp_path, owner="the test", variants={
        "v": Variant(prompts={"clerk": f"prompts:/{NAME}/1"}),
    })

    async def key(variants: dict[str, Variant]) -> tuple[str, str, str]:
        options = RunOptions(scenarios=(f"{SCENARIO}:lost",), runners=(RUNNER,), trials=1,
                             variants=("v",))
        request = await read_request(
            settings, options, Declared(folder=tmp_path, owner="the test", variants=variants)
        )
        [planned] = plan(options, request.scenarios, request.runners)
        [prompt] = planned.scenario.prompt_uses
        return planned.id, prompt.sha256, prompt.name

    use(monkeypatch, await registered(text))
    online = await key(dict(declared.variants))
    use(monkeypatch, AbsentRegistry())
    offline = await key(dict(declared.variants))
    file = await key({"v": Variant(prompts={"clerk": "file:clerk.md"})})
    inline = await key({"v": Variant(agents={"clerk": AgentOverride(instructions=text)})})
    assert online == offline == file == inline
    assert online[1:] == (text_digest(text), NAME)


async def test_what_stands_under_an_alias_is_prompts_and_all_else_that_was_promoted(
    database: str, settings: Settings, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = settings.model_copy(update={"database_url": SecretStr(database)})
    registry = await registered(TEXT)
    use(monkeypatch, registry)
    loaded = load_scenario(f"{SCENARIO}:lost")
    plain = await standing_variant("production", loaded, own)
    assert plain == Variant(prompts={"clerk": f"prompts:/{NAME}/1"})
    with pytest.raises(UsageError, match="a prompt under the alias 'candidate'"):
        await standing_variant("candidate", loaded, own)

    pool = await open_pool(database)
    log = PromotionLog(pool)
    change = Variant(agents={"clerk": AgentOverride(temperature=0.7)})
    installed = Installed(
        variant="b", experiment="tone", change=change,
        prompts={NAME: PromptVersion(version=1, sha256=text_digest(TEXT))},
    )
    number = await log.begin(PromotionDraft(
        kind="approve", alias="production", experiment="tone", definition="d", variant="b",
        digest="d", scenarios=(SCENARIO,), who="ada", was={}, becomes={SCENARIO: installed},
    ))
    await log.end(number, "done", who="ada")
    await pool.close()
    promoted = await standing_variant("production", loaded, own)
    assert promoted.agents == change.agents
    assert promoted.agents["clerk"].model_fields_set == {"temperature"}
    assert promoted.prompts == {"clerk": f"prompts:/{NAME}/1"}

    await registry.register({NAME: "Written in MLflow."})
    await registry.point("production", {NAME: 2})
    with caplog.at_level(logging.WARNING):
        moved = await standing_variant("production", loaded, own)
    assert moved == Variant(prompts={"clerk": f"prompts:/{NAME}/2"})
    assert "was moved outside agentdyno" in caplog.text
