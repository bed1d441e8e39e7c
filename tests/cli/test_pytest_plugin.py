"""The pytest plugin from outside: files and folders as items."""

import asyncio
import sys
from pathlib import Path
from xml.etree import ElementTree

import psycopg
import pytest

from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.library import CassetteLibrary
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.cli import plugged

pytest_plugins = ["pytester"]


@pytest.fixture
def project(
    pytester: pytest.Pytester, database: str, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A user's project, on a database of its own."""
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    plugged.project(pytester.path)
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest_inprocess(*plugged.plugin(), *arguments)


def dyno_file(project: pytest.Pytester, text: str = plugged.FILE, name: str = "small") -> Path:
    path = project.path / f"{name}.dyno.yaml"
    path.write_text(text)
    return path


def test_a_file_is_an_item_for_each_scenario_runner_and_variant(project: pytest.Pytester) -> None:
    dyno_file(project, plugged.FILE + """
variants:
  terse: {agents: {solo: {append: Say little.}}}
""")
    result = run(project, "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([
        "small.dyno.yaml::quote?app? PASSED*", "small.dyno.yaml::quote?app-terse? PASSED*",
        "agentdyno ran 2 trials; see one: agentdyno show *",
    ])


def test_a_failure_shows_checks_answers_and_calls_and_no_traceback(
    project: pytest.Pytester,
) -> None:
    dyno_file(project, plugged.FILE + """
trials: 2
expect:
  checks:
  - {id: price, type: contains, text: 500}
  - {id: looked_up, type: tools_called, tools: [market.quote]}
""".replace("500", '"500"'))
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "0 of 2 trials passed; expected 100%",
        "trial *:",
        "the checks that did not pass:",
        "  1. price: fail: *",
        "  2. looked_up: fail: *",
        "the answers:",
        "  1. It costs 400 dollars.",
        "no tool was called",
        "quote on app@*; all of it: agentdyno show *",
    ])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*def runtest*")


def test_a_share_of_trials_is_enough_where_the_file_says_so(project: pytest.Pytester) -> None:
    dyno_file(project, plugged.FILE + 'expect: {at_least: 0, checks: '
              '[{id: price, type: contains, text: "500"}]}')
    run(project).assert_outcomes(passed=1)


def test_known_failures_are_expected_and_a_known_failure_that_passes_fails(
    project: pytest.Pytester,
) -> None:
    known = plugged.FILE + "known: {app: it knows no prices}\n"
    dyno_file(project, known, "passes")
    dyno_file(project, known + 'expect: {checks: [{id: x, type: contains, text: "500"}]}', "fails")
    result = run(project)
    result.assert_outcomes(failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["*XPASS(strict)*it knows no prices*"])


def test_a_bench_that_fails_is_no_known_failure(project: pytest.Pytester) -> None:
    (project.path / "quote" / "script.yaml").write_text(
        "agents: {solo: [{when: turn > 5, say: never}]}")
    dyno_file(project, plugged.FILE + "known: {app: reason}\n")
    result = run(project)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the bench failed, which says nothing about the agent: *"])


def test_markers_select_items_and_are_declared(project: pytest.Pytester) -> None:
    dyno_file(project, plugged.FILE + "marks: [slow]\n")
    assert run(project, "-m", "not slow").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    run(project, "-m", "dyno and slow", "--collect-only").stdout.fnmatch_lines(["*quote?app?*"])
    run(project, "--markers").stdout.fnmatch_lines(["@pytest.mark.dyno(runners=None, *"])


def test_a_problem_of_a_file_has_file_line_and_key(project: pytest.Pytester) -> None:
    dyno_file(project, "scenarios: [./quote]\ntrails: 3\n", "unknown_key")
    dyno_file(project, (
        "scenarios:\n- ./quote\n- docs_questoin\nrunners: [app/app.yaml, pydanticai]\n"
        "variants:\n  x: {agents: {sole: {append: a}}}\n"
    ), "names")
    result = run(project)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines([
        "names.dyno.yaml:3: scenarios.1: there is no scenario 'docs_questoin' (did you mean*",
        "names.dyno.yaml:4: runners.1: there is no runner named 'pydanticai'. use pydantic_ai*",
        "names.dyno.yaml:6: variants.x.agents: scenario 'quote' has no agent 'sole' (did you*",
        "unknown_key.dyno.yaml:2: trails: unknown key (did you mean 'trials'?)",
    ])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_problem_of_a_scenario_has_its_file_line_and_key(project: pytest.Pytester) -> None:
    scenario = project.path / "quote" / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("market.quote", "market.quotes"))
    path = dyno_file(project)
    result = run(project, str(path))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["quote/scenario.yaml:*market.quote*"])


def test_a_scenario_folder_on_the_command_line_is_items(project: pytest.Pytester) -> None:
    result = run(project, "quote", "--dyno-runner", "app/app.yaml", "--dyno-trials", "2", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["quote/scenario.yaml::quote?app? PASSED*", "*ran 2 trials*"])


def test_a_scenario_folder_that_nobody_names_is_not_collected(project: pytest.Pytester) -> None:
    assert run(project).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_library_folders_are_collected_with_arrangements_on_every_runner(
    project: pytest.Pytester,
) -> None:
    folder = Path(__file__).parents[2] / "scenarios" / "investment_analysis"
    settings = str(project.path / "pytest.ini")
    result = run(project, str(folder), "--collect-only", "-q", "-c", settings)
    result.stdout.fnmatch_lines([
        "*::investment_analysis?autogen?", "*::investment_analysis.supervisor?windmill?",
    ])


def test_wrong_options_are_refused(project: pytest.Pytester) -> None:
    dyno_file(project)
    for arguments in (("--dyno-runner", "crew"), ("--dyno-trials", "0")):
        result = run(project, *arguments)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([f"ERROR: {arguments[0]}*"])


def test_a_missing_recording_fails_the_item_with_the_next_command(
    project: pytest.Pytester,
) -> None:
    dyno_file(project)
    result = run(project, "--dyno-model", "replay")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["there is no recording *cassettes/quote*",
                                 "  next: record them first, with --model record"])


def test_recordings_answer_where_the_file_says_so(
    project: pytest.Pytester, database: str
) -> None:
    dyno_file(project)
    run(project).assert_outcomes(passed=1)

    async def record() -> None:
        pool = await open_pool(database)
        store = TrialStore(pool)
        [trial] = [await store.get(one.id) for one in await store.list()]
        cassette = Cassette.of(trial, await store.wire(trial.id))
        CassetteLibrary(project.path / "cassettes").save(cassette)
        await pool.close()

    asyncio.run(record())
    dyno_file(project, plugged.FILE + "model: replay\n")
    run(project, "--junitxml=junit.xml").assert_outcomes(passed=1)
    assert 'name="dyno_model" value="replay"' in (project.path / "junit.xml").read_text()


def test_junit_properties_say_what_ran(project: pytest.Pytester) -> None:
    dyno_file(project)
    run(project, "--junitxml=junit.xml").assert_outcomes(passed=1)
    [case] = ElementTree.parse(project.path / "junit.xml").iter("testcase")
    found = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert (found["dyno_scenario"], found["dyno_outcome"], found["dyno_model_calls"]) == (
        "quote", "completed", "1")
    assert str(found["dyno_runner"]).startswith("app@")


def test_processes_of_xdist_share_one_run_and_print_one_summary(
    project: pytest.Pytester, database: str
) -> None:
    for name in ("a", "b", "c"):
        dyno_file(project, f"{plugged.FILE}seed: {ord(name)}\n", name)
    # Two worker processes at once: a subprocess, since they are started from its arguments.
    result = project.runpytest_subprocess(*plugged.plugin(), "-n", "2", "--junitxml=junit.xml")
    result.assert_outcomes(passed=3)
    assert result.stdout.str().count("agentdyno ran 3 trials") == 1
    with psycopg.connect(database) as link:
        runs = link.execute("SELECT command, status FROM matrix").fetchall()
        trials = link.execute("SELECT count(*), count(DISTINCT id) FROM trial").fetchone()
    assert runs == [("pytest", "finished")]
    assert trials == (3, 3)
    cases = list(ElementTree.parse(project.path / "junit.xml").iter("testcase"))
    assert all(case.find("properties") is not None for case in cases)


def test_a_session_without_trials_imports_nothing_of_ours() -> None:
    code = (
        "import sys, pytest; import agentdyno.cli.pytest_plugin; print(sorted("
        "name for name in sys.modules if name.startswith(('agentdyno', 'pydantic', 'yaml'))))"
    )

    async def start() -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-c", code, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        return out.decode().strip()

    assert asyncio.run(start()) == "['agentdyno', 'agentdyno.cli', 'agentdyno.cli.pytest_plugin']"
