"""What the newer checks name must be there: told with file, line, key and what would be right."""

from pathlib import Path

import pytest

from agentdyno.core.errors import InputError
from agentdyno.scenarios.loader import load_scenario

BASE = """\
name: small
title: t
user: [Go.]
agents:
  solo: {role: r, goal: g, instructions: i, tools: [box.*]}
pattern: {type: single, agent: solo}
mcpServers: {box: {bundled: mailbox}}
checks:
"""
CODE = """\
import agentdyno

@agentdyno.check
def polite(trial, *, words): return True

@agentdyno.check(name="other")
def renamed(trial, **more): return True

def bare(trial): return True

def world(day): return {}
"""


def problems(folder: Path, check: str) -> list[str]:
    (folder / "checks.py").write_text(CODE)
    (folder / "broken.json").write_text("{")
    (folder / "scenario.yaml").write_text(f"{BASE}- {{id: c, {check}}}\n")
    try:
        load_scenario(folder)
    except InputError as error:
        return [f"{p.file.rpartition('/')[2]}:{p.line}: {p.key}: {p.message}"
                for p in error.problems]
    return []


@pytest.mark.parametrize("check", [
    "type: similarity, text: Hello, metric: indel, at_least: 0.9",
    "type: sql, query: SELECT count(*) FROM written, equals: 1",
    "type: sql, on: box, query: SELECT a FROM outbox, rows: [[1, null], [x, true]]",
    "type: end_state, server: box, equals: {outbox: []}, ignore: [id]",
    "type: end_state, server: memory, computed: {python: 'checks.py:world', args: {day: 1}}",
    "type: no_duplicates, tools: [box.send_mail], agent: solo",
    "type: permission",
    "type: path, agents: [solo], max_loops: 0",
    "type: citations",
    "type: confidence, at_least: 0.8",
    "type: limits, cost_usd: 0.1, coordination_tokens: 10, completion_tokens: 5",
    "type: python, function: 'checks.py:polite', args: {words: [please]}",
    "type: python, function: 'checks.py:other', args: {whatever: 1}",
])
def test_a_check_that_names_what_is_there_is_good(check: str, tmp_path: Path) -> None:
    assert problems(tmp_path, check) == []


@pytest.mark.parametrize(("check", "where", "what"), [
    ("type: similarity, text: x, metric: cosine, at_least: 0.9", "metric", "'levenshtein'"),
    ("type: similarity, text: x, metric: indel, at_least: 1.5", "at_least", "1"),
    ("type: sql, query: SELECT count(* FROM x, equals: 1", "query", "SQLite cannot read it"),
    ("type: sql, query: 'SELECT 1; SELECT 2', equals: 1", "query", "one statement"),
    ("type: sql, query: DROP TABLE x, equals: 1", "query", "a check only reads"),
    ("type: sql, query: SELECT 1", "", "expects nothing; give equals"),
    ("type: sql, on: bex, query: SELECT 1, equals: 1", "on", "did you mean 'box'?"),
    ("type: end_state, server: bix, equals: 1", "server", "did you mean 'box'?"),
    ("type: end_state, server: box, equals: 1, sha256: x", "sha256", "pattern"),
    ("type: end_state, server: box, file: gone.json", "file", "no file 'gone.json'"),
    ("type: end_state, server: box, file: broken.json", "file", "broken.json is not JSON"),
    ("type: end_state, server: box, computed: {python: 'checks.py:word'}", "computed.python",
     "did you mean 'world'?"),
    ("type: end_state, server: box, computed: {python: 'checks.py:world', args: {dey: 1}}",
     "computed.args.dey", "did you mean 'day'?"),
    ("type: no_duplicates, tools: [bax.send]", "tools.0", "did you mean 'box'?"),
    ("type: permission, agent: sole", "agent", "did you mean 'solo'?"),
    ("type: path, agents: [sole]", "agents.0", "did you mean 'solo'?"),
    ("type: path, silent: [sole]", "silent.0", "did you mean 'solo'?"),
    ("type: path, handoffs: [{source: solo, target: sole}]", "handoffs.0.target", "'solo'"),
    ("type: path, max_loops: 0, order: exact", "", "`order` is the order of `agents`"),
    ("type: python, function: 'gone.py:x'", "function", "no file 'gone.py'"),
    ("type: python, function: 'checks.py:bare'", "function", "there is: other, polite"),
    ("type: python, function: 'checks.py:polite', args: {word: 1}", "function",
     "did you mean 'words'?"),
    ("type: python, function: nobody_offers_this", "function", "check of an installed package"),
])
def test_what_is_not_there_is_told_with_its_place(
    check: str, where: str, what: str, tmp_path: Path
) -> None:
    [problem] = problems(tmp_path, check)
    assert problem.startswith("scenario.yaml:9: checks.0")
    key = problem.split(": ")[1]
    assert key.endswith(where), problem
    assert what in problem
