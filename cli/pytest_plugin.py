"""The pytest plugin: `*.dyno.yaml` and scenario folders as items, and fixtures for unit tests.

Installed with agentdyno; from a checkout: `pytest -p agentdyno.cli.pytest_plugin`. Every pytest
session imports this file, so it imports nothing but pytest; see `design/pytest.md`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from agentdyno.cli.pytesting.dyno import Dyno
    from agentdyno.cli.pytesting.gateway import UnitGateway
    from agentdyno.cli.pytesting.items import DynoFile
    from agentdyno.cli.pytesting.memory import UnitMemory

_MARKER = (
    "dyno(runners=None, variants=None): run a test of the fixture `dyno` once for each runner and "
    "each named change; items of *.dyno.yaml have the marker too"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("agentdyno", "agentdyno")
    group.addoption(
        "--dyno-runner", action="append", default=[], dest="dyno_runners",
        metavar="NAME[@VERSION]", help="test only on this runner; repeat it for more",
    )
    group.addoption(
        "--dyno-trials", type=int, default=None, dest="dyno_trials", metavar="N",
        help="trials of each item, in place of what the files say",
    )
    group.addoption(
        "--dyno-model", choices=["scripted", "replay"], default=None, dest="dyno_model",
        help="where answers come from, in place of what the files say",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and refuse wrong options."""
    config.addinivalue_line("markers", _MARKER)
    if config.getoption("dyno_runners") or config.getoption("dyno_trials") is not None:
        from agentdyno.cli.pytesting.items import check_options

        check_options(config)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the bench, if any test made it; trials that could not be stored fail the session."""
    made = sys.modules.get("agentdyno.cli.pytesting.session")
    if made is not None:
        made.finish(session)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "DynoFile | None":
    """Take `*.dyno.yaml`, and the `scenario.yaml` of a folder that the command line names."""
    if file_path.name.endswith((".dyno.yaml", ".dyno.yml")):
        from agentdyno.cli.pytesting.items import DynoFile

        return DynoFile.from_parent(parent, path=file_path)
    if file_path.name == "scenario.yaml" and _named(file_path, parent.config):
        from agentdyno.cli.pytesting.items import ScenarioFile

        return ScenarioFile.from_parent(parent, path=file_path)
    return None


def _named(scenario: Path, config: pytest.Config) -> bool:
    folder = config.invocation_params.dir
    given = {(folder / argument.partition("::")[0]).resolve() for argument in config.args}
    return not given.isdisjoint((scenario.resolve(), scenario.parent.resolve()))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of the fixture `dyno` on each runner and in each variant."""
    if "dyno" in metafunc.fixturenames:
        from agentdyno.cli.pytesting.dyno import parameters

        if cells := parameters(metafunc):
            metafunc.parametrize("dyno", cells, indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """Show what a question about a trial saw, when its assertion fails."""
    asked = sys.modules.get("agentdyno.experiments.pytesting.seen")
    if asked and call.excinfo is not None and isinstance(call.excinfo.value, AssertionError):
        from agentdyno.cli.pytesting.explaining import explain

        explain(call.excinfo)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many trials ran; once, also where several processes ran them."""
    reports = [
        report for some in terminalreporter.stats.values() for report in some
        if getattr(report, "when", "") == "call"
    ]
    found = [pair for report in reports for pair in report.user_properties]
    if any(name == "dyno_trial" for name, _ in found):
        from agentdyno.cli.pytesting.properties import summary

        terminalreporter.write_line(summary(found))


@pytest.fixture
def dyno(request: pytest.FixtureRequest) -> "Dyno":
    """Run scenarios: `dyno.run("docs_question", "langgraph")`, or `await dyno.arun(...)`."""
    from agentdyno.cli.pytesting.dyno import Dyno
    from agentdyno.cli.pytesting.session import session_of

    return Dyno(session_of(request.config), request.node, getattr(request, "param", None))


@pytest.fixture
def gateway(request: pytest.FixtureRequest) -> "Iterator[UnitGateway]":
    """A model gateway for one test: `base_url`, `key`, and a scripted model in memory."""
    from agentdyno.cli.pytesting.gateway import open_gateway
    from agentdyno.cli.pytesting.session import session_of

    with open_gateway(session_of(request.config)) as opened:
        yield opened


@pytest.fixture
def memory(request: pytest.FixtureRequest) -> "Iterator[UnitMemory]":
    """The memory server on a database of the test's own: `mcp_url`, `key`, `write`, `search`."""
    from agentdyno.cli.pytesting.memory import open_memory
    from agentdyno.cli.pytesting.session import session_of

    with open_memory(session_of(request.config)) as opened:
        yield opened
