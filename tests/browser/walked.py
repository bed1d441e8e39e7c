"""A real store: runs of scripted models, and `agentdyno ui` over what they left."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from agentdyno.cli.context import load_settings
from agentdyno.tests.dashboards.hostile import TEXTS

RUNNERS = ("--runner", "langgraph", "--runner", "pydantic_ai")
_SCENARIO = """\
name: hostile
title: A model that says what a page must not run
user: [Hello]
agents:
  speaker:
    {role: speaker, goal: Speak, instructions: Say it., tools: [calculator.evaluate]}
pattern: {type: single, agent: speaker}
mcpServers: {calculator: {bundled: calculator}}
checks:
- {id: says, type: contains, text: nobody says this}
script: script.yaml
"""


def agentdyno(
    database: str, *arguments: str, codes: tuple[int, ...] = (0,), **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line on `database`, with the environments of this machine."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", *arguments], cwd="/", text=True,
        capture_output=True, check=False,
        # What is exported is exported below, and not meanwhile behind our backs.
        env=environment(database) | {"AGENTDYNO_MLFLOW": "off"} | environ,
    )
    assert done.returncode in codes, (arguments, done.stdout, done.stderr)
    return done


def environment(database: str) -> dict[str, str]:
    """Return the environment of a process on `database`."""
    return {
        **{name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        "AGENTDYNO_DATABASE_URL": database, "AGENTDYNO_CACHE": str(load_settings().cache),
        "AGENTDYNO_MLFLOW": "on",
    }


def fill(database: str, folder: Path, *, hostile: bool = True) -> None:
    """Run what the pages are to show; `hostile` adds trials that say what no page may run."""
    agentdyno(database, "run", "investment_analysis", "docs_question", "zero_tools", *RUNNERS,
              "--trials", "2", codes=(0, 1))
    agentdyno(database, "run", "daily_research", *RUNNERS, "--trials", "1", codes=(0, 1))
    agentdyno(database, "chaos", "order_mail", "--runner", "langgraph", codes=(0, 1))
    if hostile:
        agentdyno(database, "run", str(hostile_scenario(folder)), *RUNNERS, "--trials", "1",
                  codes=(1,))
    agentdyno(database, "export", "mlflow", "--all", AGENTDYNO_MLFLOW="on")


def hostile_scenario(folder: Path) -> Path:
    """Write a scenario whose model says, and calls a tool with, all that hostile.py knows."""
    place = folder / "hostile"
    place.mkdir()
    (place / "scenario.yaml").write_text(_SCENARIO, encoding="utf-8")
    said = "\n\n".join(text for name, text in TEXTS.items() if name not in ("surrogate", "long"))
    (place / "script.yaml").write_text(json.dumps({
        "verbatim": True, "agents": {"speaker": [
            {"when": 'not called("evaluate")',
             "calls": [{"tool": "evaluate", "arguments": {"expression": said}}]},
            {"say": said},
        ]},
    }), encoding="utf-8")
    return place


@contextmanager
def running(environ: Mapping[str, str], *arguments: str) -> Iterator[dict[str, str]]:
    """Run `agentdyno ui`; gives what it printed, by server. It must end well when it is told to."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "agentdyno", "ui", *arguments], env=dict(environ), cwd="/",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )
    assert process.stdout is not None
    said, links = "", dict[str, str]()
    try:
        for line in process.stdout:
            said += line
            if link := re.match(r"(\w+) +(http://\S+)", line):
                links[link[1]] = link[2]
            if line.startswith("ready in"):
                break
        else:
            raise AssertionError(said)
        yield links
    finally:
        process.send_signal(signal.SIGINT)
        said += process.communicate(timeout=60)[0]
    assert process.returncode == 0, said
