"""The committed JSON Schemas say what the models say, and judge the bundled files alike."""

import json
from pathlib import Path

import jsonschema
import pytest

from agentdyno.core.jsonschemas import FOLDER, generate, main
from agentdyno.core.yamlfile import load_yaml

ROOT = FOLDER.parent.parent


def test_the_committed_schemas_are_current() -> None:
    committed = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert committed == generate(), "run: python -m agentdyno.core.jsonschemas"


def test_the_generator_writes_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentdyno.core.jsonschemas.FOLDER", tmp_path / "schemas")
    main()
    assert sorted(p.name for p in (tmp_path / "schemas").iterdir()) == sorted(generate())


@pytest.mark.parametrize(("schema", "pattern"), [
    ("scenario", "scenarios/*/scenario.yaml"), ("agent", "agents/*/*.yaml"),
    ("suite", "tests/suite/*.yaml"), ("experiment", "experiments/safe_*.yaml"),
    ("scenario", "tests/suite/scenarios/*/scenario.yaml"),
])
def test_every_bundled_file_satisfies_its_schema(schema: str, pattern: str) -> None:
    validator = jsonschema.Draft202012Validator(
        json.loads((FOLDER / f"{schema}.schema.json").read_text())
    )
    paths = list(ROOT.glob(pattern))
    assert paths
    for path in paths:
        assert list(validator.iter_errors(load_yaml(path).data)) == []


def test_descriptions_of_fields_reach_the_editor() -> None:
    schema = json.loads((FOLDER / "scenario.schema.json").read_text())
    assert schema["properties"]["user"]["description"].startswith("What the user says")
