"""Exports in the foreground: what they ask for, and what a user sees of them."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.settings import Settings
from agentdyno.experiments.exportqueue import ExportView, Patience, work_off
from agentdyno.store.exports import ExportQueue, ExportRow, Target
from agentdyno.store.matrices import MatrixStore
from agentdyno.store.opening import open_database


async def export_now(
    settings: Settings, target: Target, prefixes: Sequence[str], console: Console, *,
    everything: bool,
) -> tuple[ExportRow, ...]:
    """Export the runs that `prefixes` name, all of them, or what has not arrived; returns how each
    of them stands then.

    Raises:
        UsageError: no run is called so.
        HarnessFault: another process is exporting there.
        DynoError: MLflow cannot be installed, or our own database is away.
    """
    async with open_database(settings) as pool:
        queue, matrices = ExportQueue(pool), MatrixStore(pool)
        ids = [(await matrices.find(prefix)).id for prefix in prefixes]
        if everything:
            await queue.again(target, None)
        elif ids:
            if not await queue.again(target, ids):
                raise UsageError("a run that is not over is exported when it is.",
                                 "agentdyno export status")
        else:
            await queue.hurry(target)
        asked = [row for row in await queue.list(limit=100_000)
                 if row.target == target and row.state != "done"]
        # Who waits for it tries again himself.
        once = Patience(attempts=1)
        if not await work_off(settings, pool, target, view=_view(console), patience=once):
            raise HarnessFault(
                "another process is exporting at this moment; what you asked for is in its queue.",
                "agentdyno export status",
            )
        now = {row.matrix_id: row for row in await queue.list(limit=100_000)
               if row.target == target}
        return tuple(now[row.matrix_id] for row in asked)


def _view(console: Console) -> ExportView:
    def environment(stage: str, done: int, total: int) -> None:
        if done in (0, total):
            console.print(f"MLflow's environment: {escape(stage)}", style="dim")

    def progress(row: ExportRow, done: int, of: int) -> None:
        console.print(f"{row.matrix_id[:10]}: {done} of {of} trials", style="dim")

    return ExportView(environment=environment, progress=progress,
                      note=lambda text: console.print(escape(text), style="yellow"))
