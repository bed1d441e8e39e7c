"""JSON Schemas of the YAML files, for editors.

`python -m agentdyno.core.jsonschemas` writes them again after a change of the models.
"""

import json
from pathlib import Path

from pydantic import BaseModel

from agentdyno.core.describe import described_schema
from agentdyno.core.experiment import Experiment
from agentdyno.core.fault import FaultPlan
from agentdyno.core.own import OwnRunner
from agentdyno.core.provider import ProvidersFile
from agentdyno.core.scenario import ArchetypeFile, Scenario
from agentdyno.core.suite import Suite
from agentdyno.core.testfile import PytestFile

FOLDER = Path(__file__).parent / "schemas"
MODELS: dict[str, type[BaseModel]] = {
    "agent": ArchetypeFile, "experiment": Experiment, "faults": FaultPlan,
    "providers": ProvidersFile, "pytest": PytestFile,
    "runner": OwnRunner, "scenario": Scenario, "suite": Suite,
}


def schema_text(model: type[BaseModel], title: str) -> str:
    """Return the JSON Schema of `model` as the text of a file."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title}
    body = {key: value for key, value in described_schema(model).items() if key != "title"}
    return json.dumps(schema | body, indent=2, ensure_ascii=False) + "\n"


def generate() -> dict[str, str]:
    """Return the text of every schema file, by file name."""
    return {
        f"{name}.schema.json": schema_text(model, f"agentdyno {name} file")
        for name, model in MODELS.items()
    }


def main() -> None:
    """Write the schema files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in generate().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
