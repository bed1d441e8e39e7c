"""The parity manifest tells what the wire shows, and a missing framework tells what to type."""

import importlib
import sys

import pytest

from agentdyno.core.errors import EnvironmentFault
from agentdyno.core.trial import Setting
from agentdyno.runners.registry import RUNNERS
from agentdyno.tests.contract.lab import Lab, agent

SETTINGS = ("temperature", "tool_choice", "parallel_tool_calls", "max_turns", "stream",
            "model_retries")


def _rows(settings: tuple[Setting, ...]) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings}


@pytest.mark.requirement("runner:parity:manifest")
async def test_effective_settings_are_those_of_the_wire(lab: Lab):
    asked = agent("solo", temperature=0.25, parallel_tool_calls=False, max_turns=4)
    run = await lab.run("ECHO parity", agents=[asked])
    rows = _rows(run.report.parity)
    assert set(SETTINGS) <= set(rows)
    assert all(row.note for row in rows.values() if row.requested != row.effective)
    for request in run.requests:
        assert request.get("temperature") == rows["temperature"].effective
        assert request.get("tool_choice", "auto") == rows["tool_choice"].effective
        assert request.get("parallel_tool_calls", True) == rows["parallel_tool_calls"].effective
        assert request.get("stream", False) == rows["stream"].effective


@pytest.mark.requirement("runner:parity:manifest")
async def test_a_forced_tool_choice_holds_on_every_call(lab: Lab):
    asked = agent("solo", temperature=None, tool_choice="required", max_turns=3)
    run = await lab.run("LOOP", agents=[asked])
    rows = _rows(run.report.parity)
    sent = [request.get("tool_choice", "auto") for request in run.requests]
    assert sent == [rows["tool_choice"].effective] * len(sent)
    assert not [request for request in run.requests if request.get("temperature") is not None]
    assert len(run.model_calls) == rows["max_turns"].effective


class _NothingInstalled:
    """An import system that finds agentdyno and the standard library alone."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        top = name.partition(".")[0]
        if top != "agentdyno" and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.requirement("runner:environment:missing-hint")
def test_an_adapter_without_its_framework_names_the_command_that_brings_it(
    runner: str, monkeypatch: pytest.MonkeyPatch
):
    module = RUNNERS[runner].path.partition(":")[0]
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_NothingInstalled(), *sys.meta_path])
    with pytest.raises(EnvironmentFault) as fault:
        importlib.import_module(module)
    assert fault.value.hint == f"agentdyno env sync {runner}"
    assert runner in fault.value.message
