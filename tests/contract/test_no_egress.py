"""Nothing phones home: all six runners in a network namespace whose kernel counts every attempt.

In a namespace that has only loopback, an attempt to reach anything else fails for want of a route,
and the kernel counts it (`OutNoRoutes`); a name server on loopback that is not there counts as a
datagram without a listener (`NoPorts`). Both counters must still be zero after a run.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agentdyno.cli.context import load_settings
from agentdyno.runners.registry import RUNNERS

ROOT = Path(__file__).resolve().parents[2]
COUNT = r"""
import json
counted = {}
for file in ("snmp", "snmp6"):
    lines = open(f"/proc/self/net/{file}").read().splitlines()
    if file == "snmp6":
        counted |= {k: int(v) for k, v in (line.split() for line in lines)}
        continue
    for names, values in zip(lines[::2], lines[1::2]):
        kind = names.split(":")[0]
        pairs = zip(names.split()[1:], values.split()[1:])
        counted |= {kind + name: int(value) for name, value in pairs}
wanted = ("IpOutNoRoutes", "Ip6OutNoRoutes", "UdpNoPorts", "Udp6NoPorts")
print("COUNTED " + json.dumps({name: counted.get(name, 0) for name in wanted}))
"""
INSIDE = """
ip link set lo up || exit 97
"$@"
status=$?
exec 2>&1
python=$1
"$python" -c "$COUNT"
exit $status
"""


def isolated(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `command` with loopback alone; its last line tells what the kernel counted."""
    return subprocess.run(
        ["unshare", *_FLAGS, "sh", "-c", INSIDE, "sh", *command],
        env={**os.environ, "COUNT": COUNT, **environ}, text=True, capture_output=True, check=False,
    )


def counted(done: subprocess.CompletedProcess[str]) -> dict[str, int]:
    line = next(line for line in done.stdout.splitlines() if line.startswith("COUNTED "))
    numbers: dict[str, int] = json.loads(line.removeprefix("COUNTED "))
    return numbers


# As root no user namespace is needed, and inside one root could not drop its rights for Postgres.
_FLAGS = ["--net"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net"]


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs the commands unshare (util-linux) and ip (iproute2)")
    if isolated(sys.executable, "-c", "pass").returncode:
        pytest.skip("this kernel refuses network namespaces to this user")


def test_the_kernel_counts_an_attempt_to_leave() -> None:
    attempt = "import socket; socket.socket().connect_ex(('192.0.2.1', 443))"
    assert counted(isolated(sys.executable, "-c", attempt))["IpOutNoRoutes"] > 0
    resolve = "import socket\ntry: socket.getaddrinfo('example.invalid', 443)\nexcept OSError: pass"
    assert sum(counted(isolated(sys.executable, "-c", resolve)).values()) > 0


SCENARIOS = (
    "investment_analysis", "investment_analysis.supervisor", "report_review", "incident_response",
)
"""A pipeline, a manager, a loop and a graph: frameworks start different parts for each."""


def test_nothing_connects_outside_loopback_while_all_six_run(
    database: str, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    done = isolated(
        sys.executable, "-P", "-m", "agentdyno", "run", *SCENARIOS, "--trials", "1", "--json",
        str(report), "--fail-on-error",
        AGENTDYNO_DATABASE_URL=database, AGENTDYNO_CACHE=str(load_settings().cache),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ran = {trial["key"]["runner"] for trial in json.loads(report.read_text())["trials"]}
    assert ran == set(RUNNERS)
    assert set(counted(done).values()) == {0}, done.stdout


JUDGED = """
import asyncio
from agentdyno.evals.judges.material import material
from agentdyno.evals.judges.measure import measure
from agentdyno.tests.evals.judgeplays import Scripted, judge_check, trial

check = judge_check("GEval", criteria="Is it right?")
judge = Scripted({"": {"steps": ["look"], "score": 5, "reason": "so"}})
assert asyncio.run(measure(check, material(trial(), check), judge)).score == 0.5
"""


def test_nothing_connects_anywhere_while_a_judge_measures() -> None:
    pytest.importorskip("deepeval", reason="the extra deepeval is not installed")
    done = isolated(
        sys.executable, "-P", "-c", JUDGED,
        CONFIDENT_API_KEY="secret", DEEPEVAL_TELEMETRY_OPT_OUT="0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(counted(done).values()) == {0}, done.stdout


UI_ASKED = r"""
import signal, subprocess, sys, urllib.request
ui = subprocess.Popen([sys.executable, "-P", "-m", "agentdyno", "ui"], stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True)
said = []
for line in ui.stdout:
    said.append(line)
    if line.startswith("ready in"):
        break
links = [line.split()[1] for line in said if line.split()[1:2] and "http" in line.split()[1]]
assert len(links) == 2, said
for link in links:
    assert urllib.request.urlopen(link).status == 200
ui.send_signal(signal.SIGINT)
ui.communicate()
assert ui.returncode == 0, said
"""


def test_nothing_connects_outside_loopback_while_dashboard_and_mlflow_serve(database: str) -> None:
    done = isolated(
        sys.executable, "-P", "-c", UI_ASKED, AGENTDYNO_DATABASE_URL=database,
        AGENTDYNO_CACHE=str(load_settings().cache), AGENTDYNO_MLFLOW="on",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(counted(done).values()) == {0}, done.stdout
