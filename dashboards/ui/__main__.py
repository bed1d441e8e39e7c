"""What `agentdyno ui` becomes once the database and the companion environment are there."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence

from agentdyno.core.errors import DynoError
from agentdyno.core.settings import read_settings
from agentdyno.dashboards.ui.plan import Asked, servers
from agentdyno.dashboards.ui.service import Server
from agentdyno.dashboards.ui.supervise import supervise


def main(argv: Sequence[str] | None = None) -> int:
    """Start what is asked for, say where it is, and hold it until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(prog="agentdyno ui")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int)
    parser.add_argument("--mlflow-port", type=int)
    parser.add_argument("--no-mlflow", action="store_true")
    given = parser.parse_args(argv)
    asked = Asked(host=given.host, port=given.port, mlflow_port=given.mlflow_port,
                  mlflow=not given.no_mlflow)
    try:
        planned = asyncio.run(servers(read_settings(os.environ), asked))
        for name, url in planned.links:
            _say(name, url)
        asyncio.run(_hold(planned.servers))
    except DynoError as error:
        print(f"agentdyno: {error}", file=sys.stderr)
        return error.exit_code
    print("stopped", file=sys.stderr)
    return 0


async def _hold(planned: Sequence[Server]) -> None:
    began, left = time.monotonic(), [len(planned)]
    waiting = " and ".join(server.name for server in planned)
    print(f"starting {waiting}; a machine under load takes half a minute", file=sys.stderr)

    def ready(server: Server) -> None:
        _say(server.name, server.url)
        left[0] -= 1
        if not left[0]:
            print(f"ready in {time.monotonic() - began:.0f} s; Ctrl-C stops "
                  f"{'both' if len(planned) > 1 else 'it'}", file=sys.stderr)

    await supervise(planned, ready)


def _say(name: str, url: str) -> None:
    print(f"{name:10} {url}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
