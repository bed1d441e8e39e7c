"""A project of a user of the pytest plugin: a scenario, and a program that answers it."""

import sys
from importlib.metadata import entry_points
from pathlib import Path

# Sessions inside this process take away what they import; numpy and the like come in only once.
import agentdyno.cli.pytesting.dyno
import agentdyno.cli.pytesting.gateway
import agentdyno.cli.pytesting.judging
import agentdyno.cli.pytesting.lab
import agentdyno.cli.pytesting.memory
import agentdyno.testing  # noqa: F401

PLUGIN = "agentdyno.cli.pytest_plugin"
INI = """
[pytest]
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
filterwarnings = error
addopts = --strict-markers -p no:deepeval -p no:playwright -p no:cacheprovider
markers = slow: takes its time
"""
SCENARIO = """
name: quote
title: One quote, looked up
user: ["What does MSFT cost?"]
agents:
  solo:
    role: broker
    goal: Answer
    instructions: Be brief.
    tools: [market.quote]
    memory: read_write
pattern: {type: single, agent: solo}
mcpServers:
  market: {bundled: market}
script: script.yaml
checks:
- {id: says_it, type: contains, text: dollars}
"""
SCRIPT = """
agents:
  solo:
  - say: It costs 400 dollars.
"""
APP = """
import json, os, urllib.request
def post(url, body):
    request = urllib.request.Request(url, json.dumps(body).encode(), {
        "authorization": "Bearer " + os.environ["OPENAI_API_KEY"],
        "content-type": "application/json", "accept": "application/json, text/event-stream"})
    return json.load(urllib.request.urlopen(request))
print(post(os.environ["OPENAI_BASE_URL"] + "/chat/completions", {
    "model": os.environ["AGENTDYNO_MODEL"],
    "messages": [{"role": "user", "content": os.environ["AGENTDYNO_TASK"]}],
})["choices"][0]["message"]["content"])
"""
FILE = """
scenarios: [./quote]
runners: [app/app.yaml]
"""


def plugin() -> tuple[str, ...]:
    """Return how to have the plugin: it is there already where agentdyno was installed anew."""
    found = entry_points(group="pytest11", name=PLUGIN)
    return () if found else ("-p", PLUGIN)


def project(folder: Path) -> None:
    """Write the project: `quote/`, `app/`, and pytest's settings."""
    (folder / "pytest.ini").write_text(INI)
    (folder / "quote").mkdir()
    (folder / "quote" / "scenario.yaml").write_text(SCENARIO)
    (folder / "quote" / "script.yaml").write_text(SCRIPT)
    (folder / "app").mkdir()
    (folder / "app" / "app.py").write_text(APP)
    (folder / "app" / "app.yaml").write_text(
        f'{{"name": "app", "runner": "command", "command": ["{sys.executable}", "app.py"]}}'
    )
