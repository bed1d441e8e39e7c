"""Works off the queue of exports: one process per target, tried again with ever longer waits."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tenacity import AsyncRetrying, RetryError, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.settings import Settings
from agentdyno.experiments.companion import Companion, ensure_companion
from agentdyno.experiments.traces.cutter import secrets_in
from agentdyno.experiments.tracking.address import shown_address, tracking_address, without_secrets
from agentdyno.runners.envs import Progress as EnvProgress
from agentdyno.store.database import Pool
from agentdyno.store.exports import ExportQueue, ExportRow, Target

MODULES: Mapping[Target, str] = {
    "mlflow": "agentdyno.experiments.tracking",
    "otlp": "agentdyno.experiments.traces",
}
"""What a companion process runs to export to a target; see `exportchild`."""
SILENCE_S = 300.0
"""A process that says nothing for so many seconds is given up."""
ATTEMPTS = 4
"""Attempts one after the other, before a run is put off."""
LONGEST_WAIT_S = 6 * 3600.0
_LINE = 1 << 20
_FEW_RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class Passing(HarnessFault):
    """An export failed, and trying again may help."""


@dataclass(kw_only=True)
class ExportView:
    """What a user sees of exports; the defaults show nothing."""

    environment: EnvProgress = lambda stage, done, total: None
    progress: Callable[[ExportRow, int, int], None] = lambda row, done, of: None
    note: Callable[[str], None] = lambda text: None


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often and how long after each other one run is tried."""

    attempts: int = ATTEMPTS
    first_wait_s: float = 2.0


async def work_off(
    settings: Settings, pool: Pool, target: Target, *, view: ExportView | None = None,
    patience: Patience = Patience(),
) -> bool:
    """Export everything that is due to `target`; False where another process is at it.

    What fails is tried again with growing waits, then put off; it never raises for a target that is
    away.

    Raises:
        DynoError: our own database is away, or the companion environment cannot be made.
    """
    queue, view = ExportQueue(pool), view or ExportView()
    while await queue.due(target) is not None:
        async with queue.alone(target) as held:
            if not held:
                return False
            await _work_off(settings, queue, target, view, patience)
        # Once more: something may have been asked while nobody could take it.
    return True


async def _work_off(
    settings: Settings, queue: ExportQueue, target: Target, view: ExportView, patience: Patience
) -> None:
    companion = await ensure_companion(settings.cache, view.environment)
    secrets = secrets_in(settings.environment)
    child = _Child(settings, companion, target, secrets)
    try:
        while (row := await queue.due(target)) is not None:
            await _export(queue, row, child, view, patience)
    finally:
        await child.close()


async def _export(
    queue: ExportQueue, row: ExportRow, child: "_Child", view: ExportView, patience: Patience
) -> None:
    waiting = wait_exponential(multiplier=patience.first_wait_s)
    try:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Passing), wait=waiting,
            stop=stop_after_attempt(patience.attempts),
        ):
            with attempt:
                await queue.begin(row)
                exported = await child.export(row, view)
    except RetryError as error:
        why = str(error.last_attempt.exception())
        wait_s = min(LONGEST_WAIT_S, 60.0 * 2.0 ** min(row.attempts, 12))
        await queue.postpone(row, why, wait_s)
        view.note(f"{row.matrix_id[:10]} could not be exported to {row.target}: {why}")
    except DynoError as error:
        await queue.refuse(row, str(error))
        view.note(f"{row.matrix_id[:10]} is not exported to {row.target}: {error}")
    else:
        await queue.done(row, exported)


class _Child:
    """The companion process of one target, started when it is first needed."""

    def __init__(
        self, settings: Settings, companion: Companion, target: Target, secrets: tuple[str, ...]
    ) -> None:
        self._settings = settings
        self._companion = companion
        self._target = target
        self._secrets = secrets
        self._process: asyncio.subprocess.Process | None = None
        self._environ: dict[str, str] = {}

    async def export(self, row: ExportRow, view: ExportView) -> int:
        """Have one matrix exported; returns how many trials of it are there.

        Raises:
            Passing: it failed, and trying again may help.
            DynoError: it is refused.
        """
        process = await self._started()
        assert process.stdin is not None
        order = {"matrix": row.matrix_id, "secrets": self._secrets}
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            await process.stdin.drain()
            async with contextlib.aclosing(self._answers(process)) as answers:
                async for line in answers:
                    if "done" in line:
                        view.progress(row, line["done"], line["of"])
                    elif "exported" in line:
                        return int(line["exported"])
                    else:
                        raise self._fault(line)
        except (TimeoutError, OSError) as error:
            await self.close()
            raise Passing(f"the exporter of {self._target} said nothing for {SILENCE_S:g} s."
                          if isinstance(error, TimeoutError) else str(error)) from error
        code = await process.wait()
        await self.close()
        raise Passing(f"the exporter of {self._target} ended with code {code}.",
                      "agentdyno export status names its log")

    def _fault(self, line: Mapping[str, Any]) -> DynoError:
        said = without_secrets(line["error"], self._environ)
        hint = line["hint"]
        if not line["again"]:
            return DynoError(said, hint)
        where = shown_address(self._environ.get("MLFLOW_TRACKING_URI", ""))
        told = f"MLflow at {where}: {said}" if self._target == "mlflow" else said
        return Passing(told, hint)

    async def _answers(
        self, process: asyncio.subprocess.Process
    ) -> AsyncGenerator[dict[str, Any], None]:
        assert process.stdout is not None
        while True:
            async with asyncio.timeout(SILENCE_S):
                line = await process.stdout.readline()
            if not line:
                return
            yield json.loads(line)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            address = await tracking_address(self._settings) if self._target == "mlflow" else {}
            base = dict(self._settings.environment)
            base["AGENTDYNO_CACHE"] = str(self._settings.cache)
            if self._settings.database_url is not None:
                base["AGENTDYNO_DATABASE_URL"] = self._settings.database_url.get_secret_value()
            self._environ = {**_FEW_RETRIES, **self._companion.environ(base), **address}
            self._process = await asyncio.create_subprocess_exec(
                *self._companion.command(MODULES[self._target]), env=self._environ, limit=_LINE,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )
        return self._process

    async def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
