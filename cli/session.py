"""Drives one run for the command line: signals, progress, table, JSON, exit code."""

import asyncio
import contextlib
import shlex
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from agentdyno.cli.approver import ask_on
from agentdyno.cli.asking import open_approving, terminal_of
from agentdyno.cli.context import stderr_console, stdout_console
from agentdyno.cli.database import address, open_database, run_async
from agentdyno.cli.jsonreport import report_json
from agentdyno.cli.judgemarks import print_marks
from agentdyno.cli.progress import RunView
from agentdyno.cli.table import print_comparison
from agentdyno.cli.terminal import Terminal
from agentdyno.core.errors import DynoError
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.trial import Outcome, Trial
from agentdyno.experiments.exporting import announce
from agentdyno.experiments.live import live
from agentdyno.experiments.matrix import Brake
from agentdyno.experiments.request import Request, read_request
from agentdyno.experiments.session import Report, run_session
from agentdyno.experiments.sources import open_budgets
from agentdyno.experiments.summary import summarize
from agentdyno.experiments.variants import Declared
from agentdyno.memory.embedder import Embedder
from agentdyno.memory.server import MemoryServer
from agentdyno.store.database import CONNECTION_ERRORS, Pool
from agentdyno.store.ledger import SpendLedger
from agentdyno.store.prompts import PromptTexts
from agentdyno.store.spool import Spool, import_spools
from agentdyno.store.trials import TrialStore
from agentdyno.store.writer import TrialWriter

REASON_LINES = 30
"""Lines of a harness fault's reason that are shown at once; `show` has them all."""
PASSED, FAILED, INTERRUPTED, HARNESS_FAULT, NOTHING_RAN = 0, 1, 2, 3, 5


def execute(
    settings: Settings, options: RunOptions, *, json_file: str | None, strict: bool
) -> int:
    """Run the matrix, print what came out, write the JSON report; returns the exit code."""
    progress = stderr_console()
    with RunView(progress, watch=options.watch) as view:
        report, trials = run_async(run_matrix(settings, options, view))
    rows = summarize(trials, report.not_supported)
    if json_file != "-":
        print_comparison(stdout_console(), rows)
        print_marks(stdout_console(), trials)
    if json_file:
        text = report_json(report, rows, trials)
        if json_file == "-":
            print(text)
        else:
            Path(json_file).write_text(text + "\n", encoding="utf-8")
    explain(progress, report, trials)
    return exit_code(report, trials, strict=strict)


async def run_matrix(
    settings: Settings, options: RunOptions, view: RunView,
    prepare: Callable[[Request], Request] = lambda request: request,
    declared: Declared | None = None,
) -> tuple[Report, list[Trial]]:
    """Run what is missing of a matrix; returns its report and all its trials.

    Args:
        prepare: may change what is asked for, once every file and name has been read.
        declared: variants in place of those that the scenarios declare themselves.
    """
    request = prepare(await read_request(settings, options, declared))
    terminal = terminal_of(request, view)
    async with open_database(settings) as pool:
        store = TrialStore(pool)
        spools = settings.cache / "spool"
        if imported := await import_spools(store, spools):
            view.note(f"stored {imported} trials of an earlier run that had lost its database")
        command, asked = shlex.join(["agentdyno", *sys.argv[1:]]), options.model_dump(mode="json")
        matrix = await store.create_matrix(command, asked)
        await PromptTexts(pool).keep(
            text for one in request.scenarios for text in one.loaded.prompts.values()
        )
        try:
            spool = Spool(spools, matrix, command, asked)
            report = await _measure(settings, request, pool, matrix, spool, view, terminal)
        except BaseException:
            # This error is the one to show; a database that is away may well be its cause.
            with contextlib.suppress(DynoError, *CONNECTION_ERRORS):
                await store.finish_matrix(matrix, "failed")
            raise
        report.matrix_id = matrix
        await store.finish_matrix(matrix, "interrupted" if report.interrupted else "finished")
        ids = [trial.id for trial in report.planned]
        if note := await announce(pool, settings, matrix, ids, mlflow=options.mlflow):
            view.note(note)
        return report, await store.load(ids)


async def _measure(
    settings: Settings, request: Request, pool: Pool, matrix: str, spool: Spool, view: RunView,
    terminal: Terminal | None,
) -> Report:
    async def revive() -> None:
        await address(settings)

    brake, store = Brake(), TrialStore(pool)
    async with open_embedder(settings) as embedder:
        memory = MemoryServer(pool, embedder, revive=revive)
        asked = ask_on(terminal) if terminal and request.options.ask_at_90 else None
        ledger = SpendLedger(pool, matrix, revive=revive)
        async with (
            open_budgets(request, ledger, asked) as budgets,
            TrialWriter(store, matrix, spool, revive=revive) as writer,
            open_approving(request, view, terminal, pool, revive) as approving,
            live(pool, matrix, view, brake) as shown,
        ):
            with _ctrl_c(brake, view):
                return await run_session(
                    request, store, writer, memory, budgets=budgets, brake=brake, view=shown,
                    approving=approving,
                )


@contextlib.asynccontextmanager
async def open_embedder(settings: Settings) -> AsyncIterator[Embedder | None]:
    """Open the embedding endpoint that the settings name; none keeps the memory lexical."""
    if settings.embeddings_url is None or settings.embeddings_model is None:
        yield None
        return
    # Imported on demand: its HTTP client costs a tenth of the start-up.
    from agentdyno.memory.endpoint import EndpointEmbedder

    key = settings.embeddings_key.get_secret_value() if settings.embeddings_key else ""
    embedder = EndpointEmbedder(settings.embeddings_url, settings.embeddings_model, api_key=key)
    try:
        yield embedder
    finally:
        await embedder.close()


@contextlib.contextmanager
def _ctrl_c(brake: Brake, view: RunView) -> Iterator[None]:
    """Once: finish what runs. Twice: stop at once."""

    def pressed() -> None:
        view.note(
            "stopping at once" if brake.soft
            else "finishing the running trials; Ctrl-C again stops at once"
        )
        brake.press()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, pressed)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def explain(console: Console, report: Report, trials: Sequence[Trial]) -> None:
    """Say what is not in the table, and which command shows more."""
    for label, fault in report.skipped.items():
        console.print(f"[red]skipped[/] {escape(label)}: {escape(str(fault))}")
    if report.reused:
        console.print(
            f"stored already: {len(report.reused)} of {len(report.planned)}; "
            "--fresh runs them again.", style="dim",
        )
    if report.stopped:
        console.print(f"[yellow]stopped[/]: {escape(report.stopped)}")
    if report.missing:
        console.print(f"still missing: {report.missing}; the same command runs them.")
    faulty = next((trial for trial in trials if trial.outcome is Outcome.HARNESS_FAULT), None)
    if faulty is not None:
        lines = faulty.reason.splitlines()
        told = "\n  ".join([*lines[:REASON_LINES], *(["..."] if lines[REASON_LINES:] else [])])
        console.print(f"  {told}", markup=False, soft_wrap=True)
    if trials:
        shown = next((trial for trial in trials if not _good(trial)), trials[0])
        console.print(f"see one trial: agentdyno show {shown.id[:10]}")


def _good(trial: Trial) -> bool:
    return trial.outcome is Outcome.COMPLETED and all(
        verdict.status == "pass" for verdict in trial.verdicts
    )


def exit_code(report: Report, trials: Sequence[Trial], *, strict: bool) -> int:
    """Return pytest's code for how the run ended; `strict` counts what did not run as a fault."""
    if report.interrupted:
        return INTERRUPTED
    if not trials:
        return NOTHING_RAN
    if report.stopped:
        return FAILED
    faulty = any(trial.outcome is Outcome.HARNESS_FAULT for trial in trials)
    if faulty or (strict and (report.skipped or report.missing)):
        return HARNESS_FAULT
    return PASSED if all(_good(trial) for trial in trials) else FAILED
