"""JavaScript in a process of its own: limits that hold, nothing of the host within reach.

QuickJS is what Windmill uses; it has no wheel for Python 3.13 nor for Linux on ARM, where V8
(mini-racer) stands behind the same interface.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners.openflow.evaluator import EvaluationError, function_body

Engine = Literal["quickjs", "mini-racer"]
_START_S = 60.0
"""Seconds until the process must have started; far more than it takes."""
_MODULES: dict[Engine, str] = {"quickjs": "quickjs", "mini-racer": "py_mini_racer"}


def installed_engine() -> Engine:
    """Return the engine (a distribution's name) that this environment has, QuickJS first.

    Raises:
        EnvironmentFault: it has none.
    """
    for engine, module in _MODULES.items():
        if find_spec(module):
            return engine
    raise EnvironmentFault(
        "the environment has no JavaScript engine (quickjs or mini-racer) for OpenFlow expressions",
        "agentdyno env sync windmill",
    )


class JavascriptEvaluator:
    """An `Evaluator` over one persistent child process; evaluations take turns."""

    def __init__(
        self, *, engine: Engine | None = None, cpu_s: float = 2.0, wall_s: float = 5.0,
        memory: int = 32 << 20,
    ) -> None:
        self._engine = engine
        self._limits = (cpu_s, memory, wall_s)
        self._wall_s = wall_s
        self._turn = asyncio.Lock()
        self._child: Process | None = None

    async def evaluate(self, expr: str, context: Mapping[str, Any]) -> Any:
        """Return the JSON value of `expr`, which sees the keys of `context` as variables.

        Raises:
            EvaluationError: it does not parse, throws, or overruns a limit (CPU and wall seconds,
                bytes of memory).
            EnvironmentFault: there is no JavaScript engine.
        """
        try:
            variables = json.dumps(dict(context), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise EvaluationError(f"a variable of `{expr}` is not JSON: {error}") from None
        body = json.dumps(function_body(expr))
        async with self._turn:
            reply = await self._ask(body, variables, expr)
        if reply.startswith("v"):
            return json.loads(reply[1:])
        raise EvaluationError(f"`{expr}`: {reply[1:]}")

    async def close(self) -> None:
        """End the child process."""
        async with self._turn:
            await self._kill()

    async def _ask(self, body: str, variables: str, expr: str) -> str:
        settled = False
        try:
            child = self._child or await self._spawn()
            async with asyncio.timeout(self._wall_s):
                reply = await _exchange(child, body, variables)
            settled = True
        except TimeoutError:
            raise EvaluationError(f"`{expr}`: stopped after {self._wall_s:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            raise EvaluationError(f"`{expr}`: the JavaScript process died") from None
        finally:
            if not settled:  # the pipe may hold half a reply: only a new process is in step again
                await self._kill()
        return reply

    async def _spawn(self) -> Process:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(Path(__file__).with_name("javascript_child.py")),
            self._engine or installed_engine(), *map(str, self._limits),
            stdin=PIPE, stdout=PIPE,
            env={key: os.environ[key] for key in ("SYSTEMROOT",) if key in os.environ},
        )
        try:
            async with asyncio.timeout(_START_S):
                await _read(self._child)
        except (TimeoutError, asyncio.IncompleteReadError):
            raise EnvironmentFault(
                "the process that evaluates JavaScript for OpenFlow does not start",
                "agentdyno env sync windmill",
            ) from None
        return self._child

    async def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        if child.stdin:
            child.stdin.close()
        await child.wait()


async def _exchange(child: Process, body: str, variables: str) -> str:
    assert child.stdin is not None
    for text in (body, variables):
        data = text.encode()
        child.stdin.write(len(data).to_bytes(4, "big") + data)
    await child.stdin.drain()
    return await _read(child)


async def _read(child: Process) -> str:
    assert child.stdout is not None
    size = int.from_bytes(await child.stdout.readexactly(4), "big")
    return (await child.stdout.readexactly(size)).decode()
