"""Tells of a run while it runs, and hears when somebody cancels it from elsewhere.

What happens in the trials is kept in memory as it passes by, a few characters per agent's text; a
task of its own writes it down once a second. A database that is away costs the run nothing: its
results have a way of their own, and people see meanwhile that nothing is heard.
"""

import asyncio
import contextlib
import logging
import os
import re
import socket
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import Event
from agentdyno.core.sink import ApprovalAsked, Delta, ToolStarted, Watch
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.matrix import Brake
from agentdyno.experiments.plan import PlannedTrial
from agentdyno.experiments.session import View
from agentdyno.store.database import Pool
from agentdyno.store.live import Cancelled, LiveBoard

BEAT_S = 1.0
"""Seconds between two lines about a run; halfway between, only cancelling is looked for."""
_TEXT = 600
"""Characters of an agent's text that are kept."""
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True, kw_only=True)
class _Running:
    """What is known of one trial at this moment; called with everything that happens in it."""

    planned: PlannedTrial
    inner: Watch | None
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    agent: str = ""
    doing: str = "starting"
    said: list[str] = field(default_factory=list)
    model_calls: int = 0
    tool_calls: int = 0

    def __call__(self, seen: Event | Delta | ToolStarted | ApprovalAsked) -> None:
        if self.inner is not None:
            self.inner(seen)
        if isinstance(seen, Delta):
            if seen.agent != self.agent or self.doing != "answering":
                self.agent, self.doing, self.said = seen.agent, "answering", []
            self.said.append(seen.text)
        elif isinstance(seen, ToolStarted):
            self.agent, self.doing = seen.agent, f"calling {seen.server}.{seen.tool}"
        elif isinstance(seen, ApprovalAsked):
            request = seen.request
            self.agent = seen.agent
            self.doing = f"waiting for approval of {request.server}.{request.tool}"
        elif seen.kind == "model_call":
            self.model_calls += 1
            self.agent, self.doing = seen.agent, "working"
        elif seen.kind == "tool_call":
            self.tool_calls += 1
            self.agent, self.doing = seen.agent, "working"

    def told(self) -> dict[str, Any]:
        """Return it as a row of the live table tells it."""
        key = self.planned.key
        text = "".join(self.said)[-_TEXT:]
        # What nobody will look at is forgotten each time that somebody has looked.
        self.said = [text]
        return {
            "trial": self.planned.id, "situation": key.situation,
            "runner": self.planned.runner.label, "variant": key.variant, "repeat": key.repeat,
            "started_at": self.began.isoformat(timespec="seconds"), "agent": self.agent,
            "doing": _clean(self.doing), "text": _clean(text),
            "model_calls": self.model_calls, "tool_calls": self.tool_calls,
        }


class LiveView(View):
    """Shows a run to whoever looks at the table, and to the view of its own terminal."""

    def __init__(self, inner: View) -> None:
        self._inner = inner
        self._running: dict[str, _Running] = {}
        self._labels: dict[str, str] = {}
        self.stage = "reading and preparing"
        self.progress: dict[str, dict[str, int]] = {}

    @property
    def running(self) -> list[dict[str, Any]]:
        """Return the trials that run."""
        return [one.told() for one in tuple(self._running.values())]

    def note(self, text: str) -> None:
        """Say something about the run."""
        self._inner.note(text)

    def environments(self, label: str, stage: str, done: int, total: int) -> None:
        """An environment is being made."""
        self.stage = f"making the environment of {label}: {stage} {done}/{total}"
        self._inner.environments(label, stage, done, total)

    def planned(self, todo: Sequence[PlannedTrial], reused: int) -> None:
        """The missing trials are known and about to run."""
        self.stage = "running"
        self._labels = {trial.id: trial.runner.label for trial in todo}
        for label in self._labels.values():
            counts = self.progress.setdefault(
                label, {"planned": 0, "done": 0, "passed": 0, "faults": 0}
            )
            counts["planned"] += 1
        self.progress[""] = {"reused": reused}
        self._inner.planned(todo, reused)

    def started(self, planned: PlannedTrial) -> None:
        """A trial begins."""
        if planned.id not in self._running:
            self._running[planned.id] = _Running(planned=planned, inner=None)
        self._inner.started(planned)

    def watch(self, planned: PlannedTrial) -> Watch:
        """Return what is told of a trial as it happens; its second attempt begins anew."""
        one = self._running[planned.id] = _Running(
            planned=planned, inner=self._inner.watch(planned)
        )
        return one

    def ended(self, trial: Trial) -> None:
        """A trial is sealed and kept."""
        self._running.pop(trial.id, None)
        counts = self.progress[self._labels[trial.id]]
        counts["done"] += 1
        good = trial.outcome is Outcome.COMPLETED and all(
            verdict.status == "pass" for verdict in trial.verdicts
        )
        counts["passed"] += good
        counts["faults"] += trial.outcome is Outcome.HARNESS_FAULT
        self._inner.ended(trial)


@contextlib.asynccontextmanager
async def live(
    pool: Pool, matrix_id: str, view: View, brake: Brake, *, beat_s: float = BEAT_S
) -> AsyncIterator[LiveView]:
    """Tell of a run inside the block, and press its brake when somebody cancels it.

    Args:
        pool: the database.
        matrix_id: the run's id.
        view: whom everything is shown to as well.
        brake: the run's.
        beat_s: seconds between two lines about it.
    """
    shown = LiveView(view)
    teller = _Teller(LiveBoard(pool), matrix_id, shown, brake)
    task = asyncio.create_task(teller.tell(beat_s), name="live")
    try:
        yield shown
    finally:
        task.cancel()
        await asyncio.wait([task])
        with contextlib.suppress(HarnessFault):
            # What a run leaves behind is shown as ended, for the run's own row says so.
            await LiveBoard(pool).leave(matrix_id)


class _Teller:
    """Writes once a second how a run is, and does what it is asked to."""

    def __init__(
        self, board: LiveBoard, matrix_id: str, shown: LiveView, brake: Brake
    ) -> None:
        self._board = board
        self._matrix = matrix_id
        self._shown = shown
        self._brake = brake
        self._heard = 0
        self._silent = False

    async def tell(self, beat_s: float) -> None:
        """Go on until cancelled."""
        host, pid = socket.gethostname(), os.getpid()
        beat_at = 0.0
        while True:
            began = time.monotonic()
            try:
                if began >= beat_at:
                    beat_at = began + beat_s
                    shown = self._shown
                    self._obey(await self._board.beat(
                        self._matrix, host=host, pid=pid, stage=shown.stage,
                        progress=shown.progress, running=shown.running,
                    ))
                else:
                    self._obey(await self._board.look(self._matrix))
                self._silent = False
            except HarnessFault as fault:
                if not self._silent:
                    _log.warning("nobody sees this run from elsewhere: %s", fault)
                self._silent = True
            await asyncio.sleep(max(0.0, began + beat_s / 2 - time.monotonic()))

    def _obey(self, asked: Cancelled) -> None:
        """Press the brake: once finishes what runs, twice drops it."""
        if asked.times <= self._heard:
            return
        self._heard = asked.times
        if asked.times == 1:
            self._shown.note(
                f"cancelled by {asked.by}: finishing the running trials; "
                "cancelling again stops at once"
            )
        else:
            self._shown.note(f"cancelled again by {asked.by}: stopping at once")
        self._shown.stage = f"cancelled by {asked.by}"
        # Ctrl-C may have come before; one word from elsewhere does not make it two.
        if not self._brake.soft:
            self._brake.press()
        if asked.times > 1:
            self._brake.press()


def _clean(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)
