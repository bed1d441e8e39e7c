"""Make agentdyno's own environment: `python setup_environment.py ENVIRONMENT LOCK`.

Called by the `dyno` wrapper with whatever Python 3.11+ it found, so it needs the standard library
alone. Interrupted at any point, the next call starts over; two calls at once make one environment.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
HARNESS_FAULT = 3
SCRIPT = """import sys
from agentdyno.cli.main import main
sys.exit(main())
"""


def say(text: str) -> None:
    """Tell the user what happens, on stderr: stdout may be read by a program."""
    print(f"dyno: {text}", file=sys.stderr, flush=True)


def fail(text: str, hint: str) -> NoReturn:
    """End with the reason and the next command."""
    say(f"{text}\n  next: {hint}")
    sys.exit(HARNESS_FAULT)


def run(*command: str | Path) -> None:
    """Run one installer command; its output is shown only when it fails."""
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environ |= {"UV_PYTHON_DOWNLOADS": "never", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(
        [str(part) for part in command], env=environ, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )
    if done.returncode:
        tail = "\n".join("    " + line for line in done.stdout.splitlines()[-4:])
        fail(
            f"agentdyno's dependencies could not be installed:\n{tail}",
            "check that this machine reaches a Python package index, then run the command again",
        )


def uv_requirement(lock: Path) -> str:
    """Return the pinned `uv==VERSION` of the lock file."""
    found = re.search(r"^uv==\S+", lock.read_text(), re.MULTILINE)
    if not found:
        fail(f"{lock} does not pin uv", "restore the lock file: git checkout locks")
    return found.group()


def make(env: Path, lock: Path) -> None:
    """Create the environment from nothing."""
    size = "1.7 GB" if lock.stem == "dev" else "430 MB"
    say(f"first use: making the environment in {env} (about {size}, once)")
    shutil.rmtree(env, ignore_errors=True)
    try:
        venv.create(env, with_pip=True)
    except subprocess.CalledProcessError:
        fail(
            "this Python has no ensurepip, so it cannot make an environment",
            "install its venv package (Debian: apt install python3-venv), then run again",
        )
    python = env / "bin" / "python"
    say("1/3 installing uv")
    run(python, "-m", "pip", "install", "--quiet", uv_requirement(lock))
    count = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    say(f"2/3 installing {count} pinned packages")
    # A lock is whole, and may hold what a package's own bounds would not: locks/README.md.
    run(env / "bin" / "uv", "pip", "install", "--quiet", "--no-deps", "--compile-bytecode",
        "--python", python, "--requirement", lock)
    say("3/3 linking agentdyno")
    site = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    # A link, not an editable install: it needs no build, and the checkout may be read-only.
    (Path(site) / "agentdyno").symlink_to(ROOT, target_is_directory=True)
    (env / "bin" / "agentdyno").write_text(SCRIPT)
    (env / "ready").touch()


def main() -> None:
    """Make the environment once, however many callers there are."""
    env, lock = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        env.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{env}.lock", "w") as guard:
            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another dyno is making the environment; waiting for it")
                fcntl.flock(guard, fcntl.LOCK_EX)
            if not (env / "ready").exists():
                started = time.monotonic()
                make(env, lock)
                say(f"ready in {time.monotonic() - started:.0f} s")
    except OSError as error:
        fail(
            f"cannot write the environment: {error}",
            "free some space, or name another folder: AGENTDYNO_CACHE=/path ./dyno ...",
        )
    except KeyboardInterrupt:
        fail("interrupted; nothing is half made", "run the same command again")


if __name__ == "__main__":
    main()
