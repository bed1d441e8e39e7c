"""`agentdyno ui`: servers that are watched, told when they answer, and gone with whoever asked."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.dashboards.ui.ports import choose
from agentdyno.dashboards.ui.service import Server
from agentdyno.dashboards.ui.supervise import supervise

# A server that starts another process, as MLflow does, and answers every request.
SERVING = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Yes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Yes).serve_forever()
"""


def server(folder: Path, code: str = SERVING, name: str = "one") -> Server:
    port = choose("127.0.0.1", None, 0, name)
    url = f"http://127.0.0.1:{port}"
    return Server(name=name, command=[sys.executable, "-c", code, str(port)],
                  environ={"PATH": os.environ["PATH"]}, url=url, health=url,
                  log=folder / f"{name}.log")


def below() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


async def test_both_are_told_once_they_answer_and_gone_after_one_signal(tmp_path: Path) -> None:
    before, told = below(), list[str]()

    def ready(one: Server) -> None:
        told.append(one.name)
        if len(told) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    await supervise([server(tmp_path), server(tmp_path, name="two")], ready)
    assert sorted(told) == ["one", "two"]
    assert below() <= before


async def test_one_that_ends_by_itself_ends_the_other_and_its_last_words_are_told(
    tmp_path: Path
) -> None:
    before = below()
    broken = server(tmp_path, "raise SystemExit('no such database')", "broken")
    with pytest.raises(HarnessFault, match="broken ended by itself") as fault:
        await supervise([server(tmp_path), broken], lambda one: None)
    assert "no such database" in str(fault.value)
    assert str(broken.log) in fault.value.hint
    assert below() <= before


OWNER = """
import asyncio, os, signal, sys
from pathlib import Path
from agentdyno.dashboards.ui.supervise import supervise
from agentdyno.tests.dashboards.test_ui_servers import server

def ready(one):
    print(*(p.pid for p in __import__("psutil").Process().children(recursive=True)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(supervise([server(Path(sys.argv[1]))], ready))
"""


def test_nothing_outlives_an_owner_that_was_killed(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-P", "-c", OWNER, str(tmp_path)], text=True,
                          capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = [psutil.Process(int(pid)) for pid in done.stdout.split() if psutil.pid_exists(int(pid))]
    _, alive = psutil.wait_procs(left, timeout=30)
    assert alive == []


def test_a_port_that_is_taken_is_refused_when_named_and_passed_over_when_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}"):
            choose("127.0.0.1", port, 8501, "the dashboard")
        assert choose("127.0.0.1", None, port, "the dashboard") not in (0, port)


def ui(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "agentdyno", "ui", *arguments], text=True, check=False,
        capture_output=True, env={**os.environ, **environ},
    )


def test_a_host_that_others_reach_is_refused_without_a_password(
    database: str, tmp_path: Path
) -> None:
    done = ui({"AGENTDYNO_DATABASE_URL": database, "AGENTDYNO_CACHE": str(tmp_path),
               "AGENTDYNO_DASHBOARD_PASSWORD": ""}, "--host", "0.0.0.0", "--no-mlflow")
    assert done.returncode == 4
    assert "AGENTDYNO_DASHBOARD_PASSWORD" in done.stderr


