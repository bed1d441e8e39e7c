"""The harness's side of the prompt registry: a companion process that speaks with MLflow."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

from pydantic import TypeAdapter

from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.settings import Settings
from agentdyno.experiments.companion import ensure_companion
from agentdyno.experiments.prompts.answers import Answered
from agentdyno.experiments.tracking.address import tracking_address, without_secrets
from agentdyno.runners.envs import Progress

MODULE = "agentdyno.experiments.tracking.registry"
TIMEOUT_S = 180.0
"""Seconds for one process: MLflow alone takes up to 10 of them to be imported on a busy machine,
and as many to make its tables."""
STOP_S = 10.0
"""Seconds that the process is given to end by itself."""
LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one answer at most."""
HINT = "agentdyno export status"
Do = dict[str, Any]
"""One thing to do, as JSON: `do` and the arguments of the method of that name."""

_VERSIONS = TypeAdapter(list[Answered])
_FEW_RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class RegistryAway(HarnessFault):
    """The prompt registry cannot be asked; what it holds may still be in files."""


class Registry(Protocol):
    """What keeps prompts. Each call may cost seconds, so it takes all that there is to ask."""

    async def find(self, wanted: Sequence[tuple[str, int | str]]) -> list[Answered | None]:
        """Return the prompts of (name, version or alias), in that order; None for what is not
        there."""
        ...

    async def register(
        self, texts: Mapping[str, str], note: str = ""
    ) -> dict[str, Answered]:
        """Return by name the version that has the text, made first where there is none."""
        ...

    async def point(self, alias: str, versions: Mapping[str, int | None]) -> None:
        """Make `alias` of each prompt mean a version, or nothing."""
        ...


class CompanionRegistry:
    """MLflow's prompt registry, asked through a process that starts with the first question.

    Use it as a context; outside of one, every question has a process of its own. Every method
    raises `RegistryAway` when the registry cannot be asked.
    """

    def __init__(
        self, settings: Settings, progress: Progress = lambda stage, done, total: None
    ) -> None:
        """`progress` is told how the companion environment is made, where it has to be."""
        self._settings = settings
        self._progress = progress
        self._process: asyncio.subprocess.Process | None = None
        self._keeps = False
        self._turn = asyncio.Lock()
        self._environ: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        self._keeps = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._keeps = False
        await self._stop()

    async def find(self, wanted: Sequence[tuple[str, int | str]]) -> list[Answered | None]:
        """See `Registry`."""
        found = await self.ask([{"do": "find", "name": name, "key": key} for name, key in wanted])
        return [None if one is None else Answered.model_validate(one) for one in found]

    async def register(
        self, texts: Mapping[str, str], note: str = ""
    ) -> dict[str, Answered]:
        """See `Registry`."""
        found = await self.ask([
            {"do": "register", "name": name, "text": text, "note": note}
            for name, text in texts.items()
        ])
        answers = map(Answered.model_validate, found)
        return {answered.name: answered for answered in answers}

    async def point(self, alias: str, versions: Mapping[str, int | None]) -> None:
        """See `Registry`."""
        await self.ask([
            {"do": "point", "name": name, "alias": alias, "version": version}
            for name, version in versions.items()
        ])

    async def versions(self, names: Sequence[str] = ()) -> dict[str, list[Answered]]:
        """Return every version of `names`, oldest first; of all prompts when none is named."""
        if not names:
            [names] = await self.ask([{"do": "names"}])
        found = await self.ask([{"do": "versions", "name": name} for name in names])
        return {
            name: _VERSIONS.validate_python(one) for name, one in zip(names, found, strict=True)
        }

    async def ask(self, wanted: Sequence[Do]) -> list[Any]:
        """Have all of `wanted` done, in order; returns one JSON value for each."""
        if not wanted:
            return []
        # One question at a time: answers have no names.
        async with self._turn:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    said = await self._exchange(json.dumps(wanted))
            except TimeoutError as error:
                self._kill()
                raise RegistryAway(f"the prompt registry gave no answer in {TIMEOUT_S:.0f} s.",
                                   HINT) from error
            except BaseException:
                # Its answer may still come, and would be taken for that to the next question.
                self._kill()
                raise
            finally:
                if not self._keeps:
                    await self._stop()
        if "error" in said:
            raise RegistryAway(f"the prompt registry cannot be used: {said['error']}",
                               said.get("hint") or HINT)
        return list(said["done"])

    async def _exchange(self, line: str) -> dict[str, Any]:
        if self._process is not None and self._process.returncode is not None:
            await self._stop()
        process = self._process or await self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(f"{line}\n".encode())
            await process.stdin.drain()
            said = await process.stdout.readline()
        except ConnectionError:
            said = b""
        if said:
            return dict(json.loads(said))
        log = await process.stderr.read() if process.stderr is not None else b""
        await self._stop()
        last = " ".join(log.decode(errors="replace").strip().splitlines()[-1:])
        last = without_secrets(last, self._environ)
        raise RegistryAway(f"the prompt registry's process ended: {last or 'it was killed'}", HINT)

    async def _start(self) -> asyncio.subprocess.Process:
        settings = self._settings
        if not settings.mlflow:
            raise RegistryAway("AGENTDYNO_MLFLOW=off: the prompt registry is not to be asked.",
                               "unset AGENTDYNO_MLFLOW")
        try:
            companion = await ensure_companion(settings.cache, self._progress)
            address = await tracking_address(settings)
        except DynoError as error:
            raise RegistryAway(error.message, error.hint) from error
        self._environ = {**_FEW_RETRIES, **companion.environ(settings.environment), **address}
        self._process = await asyncio.create_subprocess_exec(
            *companion.command(MODULE), limit=LONGEST_LINE, env=self._environ,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return self._process

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
