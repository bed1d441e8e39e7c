"""A LiteLLM proxy in its own locked environment, offline, with one model behind it."""

import asyncio
import contextlib
import http.client
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from peers import peer_python
from process_tree import compiled_environment

from agentdyno.cli.context import load_settings

KEY = "sk-peer"
PATIENCE_S = 120
OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION", "LITELLM_LOG": "ERROR",
    "LITELLM_TELEMETRY": "False", "LITELLM_DONT_SHOW_FEEDBACK_BOX": "True",
    "DISABLE_ADMIN_UI": "True", "NO_DOCS": "True",
}
CONFIG = """\
model_list:
  - model_name: default
    litellm_params:
      {{model: openai/default, api_base: "http://127.0.0.1:{upstream}/v1", api_key: floor-key}}
litellm_settings: {{num_retries: 0, telemetry: false, set_verbose: false}}
general_settings: {{master_key: {key}}}
"""


@contextlib.contextmanager
def litellm_proxy(upstream: int) -> Iterator[tuple[int, psutil.Process]]:
    """Run the proxy before the server at port `upstream`; yields its port and process.

    Raises:
        RuntimeError: it does not start.
    """
    python = asyncio.run(peer_python("litellm", load_settings().cache))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+b") as log:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(upstream=upstream, key=KEY))
        server = subprocess.Popen(
            [python.with_name("litellm"), "--config", config, "--host", "127.0.0.1",
             "--port", str(port), "--num_workers", "1"],
            env=compiled_environment() | OFFLINE, cwd=folder, stdin=subprocess.DEVNULL,
            stdout=log, stderr=subprocess.STDOUT,
        )
        try:
            if not _is_ready(server, port):
                log.seek(0)
                raise RuntimeError(f"LiteLLM did not start:\n{log.read().decode()[-3000:]}")
            yield port, psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def _is_ready(server: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health/liveliness")
            if connection.getresponse().status == 200:
                return True
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    return False
