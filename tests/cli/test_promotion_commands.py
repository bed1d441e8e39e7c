"""`agentdyno experiment approve, promote, rollback, history` and `agentdyno prompt`, on MLflow."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agentdyno.cli.main import main
from agentdyno.core.trial import Trial
from agentdyno.experiments.abtest.versions import version_of
from agentdyno.store.database import open_pool
from agentdyno.store.experiments import ExperimentStore, LookRow
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.abtested import asked, design
from agentdyno.tests.experiments.trials import sealed

TEXT = "Write to {{ name }}: {\"a\": {\"b\": 1}} {% raw %}{{x}}{% endraw %}\r\n\n"
Command = Callable[..., tuple[int, str]]


def _trial(arm: str, case: int, repeat: int) -> Trial:
    made = sealed("r", repeat, passed=arm == "a")
    return made.model_copy(update={
        "id": f"{arm}-{case}-{repeat}", "wire_digest": f"{repeat}",
        "key": made.key.model_copy(update={"case": f"c{case}", "variant": arm}),
    })


async def _store(database: str) -> None:
    pool = await open_pool(database)
    of = asked(name="tone", arms=["a"], size={"trials": 2})
    plan = design(of).model_copy(update={"prompts": {
        "baseline": {"s.writer": "Write."}, "a": {"s.writer": TEXT},
    }})
    of = of.model_copy(update={"variants": {"a": of.model_validate({
        **of.model_dump(exclude_unset=True),
        "variants": {"a": {"agents": {"writer": {"instructions": TEXT}}}},
    }).variants["a"]}})
    store = ExperimentStore(pool)
    row = await version_of(store, of, plan, who="ada", new=False)
    arms = {
        arm: [_trial(arm, case, repeat) for case in range(10) for repeat in range(2)]
        for arm in plan.arms
    }
    matrix = await TrialStore(pool).create_matrix("test", {})
    await TrialStore(pool).save(matrix, [(one, ()) for some in arms.values() for one in some])
    await store.keep_look(row.id, LookRow(
        look=1, matrix_id=matrix, rounds=2, said={"verdicts": []}, looked_at=datetime.now(UTC),
    ), {arm: [one.id for one in some] for arm, some in arms.items()})
    await pool.close()


@pytest.fixture
def command(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> Command:
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    monkeypatch.setenv("AGENTDYNO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("AGENTDYNO_MLFLOW", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        capfdbinary.readouterr()
        code = main(list(arguments))
        said = capfdbinary.readouterr()
        return code, (said.out if code == 0 else said.out + said.err).decode()

    return run


def test_a_variant_goes_into_use_and_out_of_it_again(
    command: Command, database: str, tmp_path: Path
) -> None:
    asyncio.run(_store(database))
    assert "nothing was approved" in command("experiment", "history")[1]
    code, said = command("experiment", "promote", "tone", "a", "--by", "bob")
    assert (code, "nobody has approved a" in said) == (4, True)

    code, said = command("experiment", "approve", "tone", "a", "--by", "ada")
    assert (code, "candidate is now s.writer/1" in said) == (0, True)
    code, said = command("experiment", "promote", "tone", "a", "--by", "bob", "--reason", "why not")
    assert (code, "production is now s.writer/1" in said) == (0, True)
    assert command("prompt", "show", "s.writer@production") == (0, TEXT)

    code, said = command("prompt", "pull")
    assert (code, "1 version of 1 prompt" in said) == (0, True)
    assert (tmp_path / "prompts" / "s.writer" / "v1.md").read_bytes() == TEXT.encode()

    code, said = command("experiment", "rollback", "tone", "--by", "eve", "--reason", "complaints")
    assert (code, "back to nothing" in said) == (0, True)
    code, said = command("experiment", "history", "tone", "--json")
    rows = [json.loads(line) for line in said.splitlines()]
    assert [(row["kind"], row["who"], row["reason"], row["state"]) for row in rows] == [
        ("rollback", "eve", "complaints", "done"), ("promote", "bob", "why not", "done"),
        ("approve", "ada", "", "done"),
    ]
    assert "complaints" in command("experiment", "history")[1]
