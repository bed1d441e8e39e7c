"""The manifest is complete: every requirement is tested, and every exclusion means something."""

import ast
from pathlib import Path

from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.requirements import EXCLUSIONS, REQUIREMENTS

IDS = [requirement.id for requirement in REQUIREMENTS]


def _cited() -> set[str]:
    """Return the ids in all `@pytest.mark.requirement(...)` of this folder."""
    found = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
                found.add(ast.literal_eval(node.args[0]))
    return found


def test_every_requirement_is_tested_and_every_test_cites_a_known_one():
    assert _cited() == set(IDS)


def test_requirements_have_one_id_and_a_reason_each():
    assert len(set(IDS)) == len(IDS)
    assert all(requirement.reason for requirement in REQUIREMENTS)


def test_exclusions_name_a_runner_a_requirement_and_a_reason_once():
    cells = [(exclusion.runner, exclusion.requirement) for exclusion in EXCLUSIONS]
    assert len(set(cells)) == len(cells)
    for exclusion in EXCLUSIONS:
        assert exclusion.runner in RUNNERS
        assert exclusion.requirement in IDS
        assert exclusion.reason
