"""Runs a command and ends it, with all that it started, when whoever asked for it is gone.

`python guard.py COMMAND...`: standard input is a pipe that nobody writes to. It ends when its owner
closes it or dies, however it dies; then the command's process group gets SIGTERM, and SIGKILL after
a while. Standard library alone, so that it starts at once.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

PATIENCE_S = 5.0
"""Seconds that the command has to end by itself."""


def main(command: list[str]) -> int:
    """Run `command` to its end and return its exit code."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # The owner says when, by closing the pipe; a terminal's Ctrl-C reaches him too.
        signal.signal(number, signal.SIG_IGN)
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, process_group=0, restore_signals=True,
        preexec_fn=_listen,
    )
    threading.Thread(target=_watch, args=(process,), daemon=True).start()
    code = process.wait()
    _signal(process.pid, signal.SIGKILL)
    return code


def _listen() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _watch(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1024):
        pass
    _signal(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
    _signal(process.pid, signal.SIGKILL)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
