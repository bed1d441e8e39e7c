"""The pytest plugin from outside: fixtures, and what a failing assertion shows."""

import pytest

from agentdyno.tests.cli import plugged

pytest_plugins = ["pytester"]


@pytest.fixture
def project(
    pytester: pytest.Pytester, database: str, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A user's project, on a database of its own, whose program calls one tool."""
    monkeypatch.setenv("AGENTDYNO_DATABASE_URL", database)
    plugged.project(pytester.path)
    app = pytester.path / "app" / "app.py"
    app.write_text(app.read_text() + """
post(os.environ["AGENTDYNO_MCP_URL"], {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
     "params": {"name": "quote", "arguments": {"symbol": "MSFT", "date": "2004-01-01"}}})
post(os.environ["AGENTDYNO_MCP_URL"], {"jsonrpc": "2.0", "id": 2, "method": "tools/call",
     "params": {"name": "memory_write", "arguments": {"text": "MSFT was looked up"}}})
""")
    return pytester


def run(project: pytest.Pytester, text: str, *arguments: str) -> pytest.RunResult:
    project.makepyfile(text)
    return project.runpytest_inprocess(*plugged.plugin(), *arguments)


def test_sync_and_async_tests_get_a_sealed_trial(project: pytest.Pytester) -> None:
    result = run(project, """
        import re
        import pytest

        def test_sync(dyno):
            trial = dyno.run("./quote", "app/app.yaml")
            assert trial.passed() and trial.completed()
            assert trial.called("quote", symbol="MSFT") and trial.called("market.quote", times=1)
            assert not trial.called("quote", symbol="AAPL")
            assert not trial.called("quote", by="somebody")
            assert trial.called_in_order("quote", "memory_write")
            assert not trial.called_in_order("memory_write", "quote")
            assert trial.said("400 dollars") and trial.said("DOLLARS", ignore_case=True, turn=1)
            assert trial.said(re.compile(r"\\d+ dollars")) and not trial.said("400", turn=2)
            assert trial.remembered("looked up") and not trial.recalled("MSFT")
            assert trial.check("says_it")
            assert trial.stayed_within(model_calls=1, tool_calls=2)
            assert trial.ran("solo") and trial.ran_times("solo", 1)
            with pytest.raises(KeyError, match="there are: says_it"):
                trial.check("other")
            with pytest.raises(TypeError, match="no bound 'calls'"):
                trial.stayed_within(calls=1)

        async def test_async(dyno):
            trials = await dyno.aruns("./quote", "app/app.yaml", trials=2)
            assert [trial.answer for trial in trials] == ["It costs 400 dollars."] * 2
            assert (await dyno.arun("./quote", "app/app.yaml")).passed()
    """)
    result.assert_outcomes(passed=2)


def test_a_failed_question_shows_the_calls_that_were_made(project: pytest.Pytester) -> None:
    result = run(project, """
        def test_it(dyno):
            trial = dyno.run("./quote", "app/app.yaml")
            assert trial.called("quote", symbol="AAPL")

        def test_typo(dyno):
            assert dyno.run("./quote", "app/app.yaml").called("qoute")

        def test_not(dyno):
            assert not dyno.run("./quote", "app/app.yaml").said("400")
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines([
        "E  *assert <no: quote(symbol='AAPL') was called>",
        "E  *no: quote(symbol='AAPL') was called",
        "E  *tool calls that were made (2):",
        "E  *1. solo: market.quote(symbol='MSFT', date='2004-01-01') -> *",
        "E  *2. solo: memory.memory_write(text='MSFT was looked up') -> *",
        "E  *quote on app@*; all of it: agentdyno show *",
        "E  *no agent has a tool 'qoute'; did you mean 'quote'?",
        "E  *assert not <yes: the last answer says '400'>",
        "E  *1. It costs 400 dollars.",
    ])


def test_an_assertion_about_something_else_is_left_alone(project: pytest.Pytester) -> None:
    result = run(project, """
        def test_it(dyno):
            called = dyno.run("./quote", "app/app.yaml").called("quote")
            assert 1 + 1 == 3
    """)
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*tool calls that were made*")


def test_the_marker_runs_a_test_on_each_runner_in_each_variant(project: pytest.Pytester) -> None:
    result = run(project, """
        import pytest

        @pytest.mark.dyno(runners=["app/app.yaml"],
                          variants={"terse": {"solo": {"append": "Say little."}}})
        def test_it(dyno):
            trial = dyno.run("./quote")
            assert trial.trial.key.variant == dyno.variant
            assert trial.trial.agents[0].instructions.endswith("little.") == (
                dyno.variant == "terse")
    """, "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*test_it?app? PASSED*", "*test_it?app-terse? PASSED*"])


def test_a_marker_that_cannot_be_is_a_collection_error(project: pytest.Pytester) -> None:
    result = run(project, """
        import pytest

        @pytest.mark.dyno(runners=["crew"])
        def test_it(dyno):
            pass
    """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it*there is no runner named 'crew'*"])


def test_no_runner_and_live_models_are_refused(project: pytest.Pytester) -> None:
    result = run(project, """
        import pytest
        from agentdyno.core.errors import UsageError

        def test_it(dyno):
            with pytest.raises(UsageError, match="names no runner"):
                dyno.run("./quote")
            with pytest.raises(UsageError, match="asks no provider"):
                dyno.run("./quote", "app/app.yaml", model="live")
    """)
    result.assert_outcomes(passed=1)


def test_a_team_that_the_runner_does_not_execute_skips_the_test(
    project: pytest.Pytester,
) -> None:
    result = run(project, """
        def test_it(dyno):
            dyno.run("support_triage", "windmill")
    """, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*no OpenFlow construct lets an agent pass*"])


def test_the_gateway_says_what_the_test_wrote(project: pytest.Pytester) -> None:
    result = run(project, """
        import json, urllib.request
        import pytest
        from agentdyno.core.errors import InputError

        TOOL = {"type": "function", "function": {"name": "get_quote", "parameters": {
            "type": "object", "properties": {"symbol": {"type": "string"}}}}}
        RULES = [
            {"when": "not called('get_quote')",
             "call": {"tool": "get_quote", "arguments": {"symbol": "{{ vars.symbol }}"}}},
            {"say": "It costs {{ result('get_quote') }}."},
        ]

        def agent(base_url, key, question):
            messages = [{"role": "user", "content": question}]
            while True:
                body = json.dumps({"model": "any", "messages": messages, "tools": [TOOL]}).encode()
                request = urllib.request.Request(base_url + "/chat/completions", body, {
                    "authorization": "Bearer " + key, "content-type": "application/json"})
                with urllib.request.urlopen(request) as response:
                    said = json.load(response)["choices"][0]["message"]
                if not said.get("tool_calls"):
                    return said["content"]
                messages.append(said)
                messages += [{"role": "tool", "tool_call_id": call["id"], "content": "400"}
                             for call in said["tool_calls"]]

        def test_good(gateway):
            gateway.script(RULES, {"symbol": "MSFT"})
            assert agent(gateway.base_url, gateway.key, "What does it cost?") == "It costs 400."
            assert gateway.called("get_quote", symbol="MSFT")
            assert gateway.returned("get_quote", "400")
            assert len(gateway.model_calls) == len(gateway.requests) == 2

        def test_bad(gateway):
            gateway.script(RULES, {"symbol": "MSFT"})
            agent(gateway.base_url, gateway.key, "What does it cost?")
            assert gateway.called("get_quote", symbol="AAPL")

        def test_rules_with_a_problem(gateway):
            with pytest.raises(InputError, match="agents.solo.0.sya: unknown key .did you mean"):
                gateway.script([{"sya": "Hello"}])

        def test_a_gap_fails_the_test_that_did_not_look(gateway):
            gateway.script([{"when": "turn > 1", "say": "-"}])
            with pytest.raises(OSError):
                agent(gateway.base_url, gateway.key, "Hello")

        def test_a_gap_that_was_looked_at(gateway):
            gateway.script([{"when": "turn > 1", "say": "-"}])
            with pytest.raises(OSError):
                agent(gateway.base_url, gateway.key, "Hello")
            assert "has no rule for this state" in gateway.problem
    """)
    result.assert_outcomes(passed=4, failed=1, errors=1)
    result.stdout.fnmatch_lines([
        "*the gateway could not answer: the script of agent 'solo' (the script in this test)*",
        "E  *tool calls that came back to the model (1):", "E  *1. get_quote(symbol='MSFT') -> 400",
    ])


def test_the_memory_is_a_database_of_its_own(project: pytest.Pytester) -> None:
    result = run(project, """
        import json, urllib.request

        def call(memory, tool, arguments):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                    "params": {"name": tool, "arguments": arguments}}
            request = urllib.request.Request(memory.mcp_url, json.dumps(body).encode(), {
                "authorization": "Bearer " + memory.key, "content-type": "application/json",
                "accept": "application/json, text/event-stream"})
            with urllib.request.urlopen(request) as response:
                return json.load(response)["result"]["content"][0]["text"]

        def test_agent(memory):
            memory.write("MSFT cost 400 dollars", year=2025)
            assert "400 dollars" in call(memory, "memory_search", {"query": "MSFT"})
            call(memory, "memory_write", {"text": "AAPL is new"})
            assert memory.recalled("MSFT") and memory.remembered("AAPL")
            assert not memory.remembered("400 dollars")
            [found] = memory.search("AAPL")
            assert found["text"] == "AAPL is new"

        async def test_another_is_empty(memory):
            assert memory.search("MSFT") == []
    """)
    result.assert_outcomes(passed=2)
