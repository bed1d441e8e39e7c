"""MLflow's own prompt registry behind the companion process."""

import asyncio
from pathlib import Path

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.experiments.prompts.files import PromptFiles
from agentdyno.experiments.prompts.moving import pull, push_files, push_scenarios, text_of
from agentdyno.experiments.prompts.registry import CompanionRegistry, RegistryAway
from agentdyno.scenarios.digest import text_digest
from agentdyno.scenarios.loader import load_scenario

AWKWARD = (
    "Hello {{ name }}, {{x}} {% if team %}of {{ team|join(', ') }}{% endif %}{# no comment #}\r\n"
    '{"a": {"b": [1, 2]}} {{{{ four }}}} { {x} } %} }} \\n \\u00e9 é 🙂\ttab\n\n trailing  \n\n'
)


@pytest.fixture
def settings(module_database: str, tmp_path: Path) -> Settings:
    return Settings(cache=tmp_path, database_url=module_database)


async def test_prompts_are_kept_to_the_last_byte_and_once_for_each_text(
    settings: Settings, tmp_path: Path
) -> None:
    async with CompanionRegistry(settings) as registry, CompanionRegistry(settings) as other:
        texts = {"letters.writer": AWKWARD, "letters.editor": "Edit."}
        made, meanwhile = await asyncio.gather(registry.register(texts), other.register(texts))
        assert made == meanwhile
        assert made["letters.writer"].text == AWKWARD
        assert made["letters.writer"].sha256 == text_digest(AWKWARD)
        again = await registry.register({"letters.writer": AWKWARD})
        assert again["letters.writer"].version == 1
        changed = await registry.register({"letters.writer": AWKWARD.strip()})
        assert changed["letters.writer"].version > 1
        latest = changed["letters.writer"].version

        await registry.point("production", {"letters.writer": 1, "letters.editor": 1})
        await registry.point("production", {"letters.writer": latest})
        await registry.point("candidate", {"letters.writer": 1})
        production, candidate, absent, nobody = await registry.find([
            ("letters.writer", "production"), ("letters.writer", "candidate"),
            ("letters.editor", "candidate"), ("nobody.there", 1),
        ])
        assert production is not None
        assert candidate is not None
        assert (production.version, candidate.version) == (latest, 1)
        assert absent is None
        assert nobody is None
        await registry.point("production", {"letters.writer": None, "letters.editor": None})
        assert await registry.find([("letters.writer", "production")]) == [None]

        files = PromptFiles(tmp_path / "prompts")
        whole, new = await pull(registry, files, ())
        assert len(new) == 3
        pushed = await push_files(registry, files)
        assert pushed["letters.editor"] == [(1, made["letters.editor"])]
        await push_scenarios(registry, settings, ["parcel_claims"], ())
        assert await text_of(registry, "parcel_claims.clerk") == (
            load_scenario("parcel_claims").prompts["clerk"], "parcel_claims.clerk/1"
        )
        with pytest.raises(UsageError, match=r"no prompt 'letters.writr' \(did you mean"):
            await text_of(registry, "letters.writr@production")
        with pytest.raises(UsageError, match="it has candidate, 1"):
            await text_of(registry, "letters.writer/7")
    assert [one.version for one in whole["letters.writer"]] == [1, latest]
    assert whole["letters.writer"][0].aliases == ("candidate",)

    pulled = files.find("letters.writer", "candidate")
    assert pulled is not None
    assert pulled.text == AWKWARD
    assert files.path("letters.writer", 1).read_bytes() == AWKWARD.encode()


async def test_a_registry_that_cannot_be_asked_says_why_and_tells_no_password(
    tmp_path: Path,
) -> None:
    settings = Settings(
        cache=tmp_path, mlflow_uri="postgresql+psycopg://me:geheim@127.0.0.1:9/nowhere"
    )
    with pytest.raises(RegistryAway) as caught:
        await CompanionRegistry(settings).find([("letters.writer", "production")])
    assert "geheim" not in str(caught.value)
    off = settings.model_copy(update={"mlflow": False})
    with pytest.raises(RegistryAway, match="AGENTDYNO_MLFLOW=off"):
        await CompanionRegistry(off).find([("letters.writer", "production")])
