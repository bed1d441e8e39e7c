"""Budgets of a trial, of a run and of a UTC day: the call that would exceed one is not made.

Before a call it is known what it will send, and what it may be answered at most where the request
says so (`max_tokens` and its sisters). That much is held until the call has ended, so that calls
side by side cannot overdraw a budget together: one that fits only when others take less than they
hold waits for them. Calls and tokens of every source count for a trial and its run. A day counts
what providers are asked for, over all runs on this database; cost is never known of anything else.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from agentdyno.core.errors import UsageError
from agentdyno.core.event import BudgetStep
from agentdyno.core.settings import Budget
from agentdyno.core.sink import Sink
from agentdyno.core.spend import DayTotals, Reservation, Spent
from agentdyno.core.trial import Outcome
from agentdyno.models import prices
from agentdyno.models.account import Account, Amount, Level, Obstacle
from agentdyno.models.estimate import Payee, no_price
from agentdyno.models.exchange import Refusal
from agentdyno.models.guard import BudgetGuard, Payees


class Ledger(Protocol):
    """Keeps what live calls take, also when this process is killed."""

    async def reserve(
        self, entry: Reservation, *, totals: bool
    ) -> tuple[str, DayTotals | None]:
        """Write `entry` down; durable when it returns its ticket. With `totals`, also what else
        counts for the day. Raises `HarnessFault` when it cannot be written."""
        ...

    def settle(self, ticket: str, spent: Spent) -> None:
        """Note what the call took."""
        ...

    def cancel(self, ticket: str) -> None:
        """Take a reservation back: its call was not made."""
        ...

    async def close(self) -> None:
        """Write what is noted; raises `HarnessFault` when that is impossible."""
        ...


class Approver(Protocol):
    """Somebody who may let a budget go beyond 90 percent."""

    async def __call__(self, level: Level) -> bool:
        """Decide; `str(level)` says what is asked. A budget's calls wait meanwhile."""
        ...


class Budgets:
    """All budgets of one run; every trial's guard draws on them."""

    def __init__(
        self, matrix: Budget, day: Budget, ledger: Ledger | None, approver: Approver | None, *,
        unpriced: Literal["refuse", "allow"] = "refuse",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            matrix: for the whole run; its wall time runs from now on.
            day: for all live calls of one UTC day.
            ledger: null for a run that never goes live.
            approver: null goes on to 100 percent without asking.
            unpriced: what to do with a call whose price is unknown where cost is limited.
            clock: monotonic seconds.

        Raises:
            ValueError: a day's budget without a ledger to know the day from.
        """
        self.matrix = Account(scope="matrix", budget=matrix, asks=approver is not None)
        self.day = Account(scope="day", budget=day, asks=approver is not None)
        if self.day.limited() and ledger is None:
            raise ValueError("a day's budget needs a ledger")
        self._ledger = ledger
        self._approver = approver
        self._unpriced = unpriced
        self._clock = clock
        self._zero = clock()
        self._changed = asyncio.Event()
        self._questions = asyncio.Lock()
        self._live = 0

    @property
    def exhausted(self) -> str | None:
        """Why no further trial may start; None while there is something left for one."""
        return self.matrix.used_up(self.elapsed()) or (
            self.day.stopped.reason if self.day.stopped else None
        )

    def elapsed(self) -> float:
        """Return seconds since the run's start."""
        return self._clock() - self._zero

    def guard(self, trial_budget: Budget, payees: Payees | None = None) -> "BudgetGuard":
        """Return the guard of one trial.

        Args:
            trial_budget: for this trial alone; `models.account.tightest` joins several.
            payees: who may be paid for a request; null for a trial that never goes live.
        """
        account = Account(scope="trial", budget=trial_budget, asks=self._approver is not None)
        return BudgetGuard(self, account, payees)

    def check(self, trial_budget: Budget, payees: Sequence[Payee]) -> None:
        """Say before a run starts what `admit` would refuse in its first call.

        Raises:
            UsageError: cost is limited, and the price of one of `payees` is unknown.
        """
        limited = [
            account.scope for account in (self.matrix, self.day) if account.limited("cost_usd")
        ] + (["trial"] if trial_budget.cost_usd is not None else [])
        if limited and self._unpriced == "refuse":
            unknown = [f"{provider}:{model}" for provider, model in payees
                       if not prices.is_priced(provider, model)]
            if unknown:
                raise UsageError(*no_price(unknown, limited))

    async def close(self) -> None:
        """Write what the ledger still has to write; raises its `HarnessFault`."""
        if self._ledger is not None:
            await self._ledger.close()

    # What follows is for guards.

    async def enter(self, sink: Sink, account: Account, wanted: Amount) -> None:
        """Wait until `wanted` fits into `account`, at most after asking, and hold it."""
        while obstacle := account.obstacle(wanted, self._wall(sink, account)):
            await self._overcome(sink, account, obstacle)
        account.hold(wanted)
        self.warn(sink, account)

    def leave(self, account: Account, wanted: Amount) -> None:
        """Undo `enter`."""
        account.release(wanted)
        self.wake()

    async def reserve(self, sink: Sink, entry: Reservation, wanted: Amount) -> str:
        """Write a live call down and return its ticket, once it fits into the day."""
        assert self._ledger is not None
        limited = self.day.limited()
        while True:
            before = self._changed
            ticket, totals = await self._ledger.reserve(entry, totals=limited)
            if totals is None:
                break
            self.day.spent = Amount(**totals.model_dump())
            self.warn(sink, self.day)
            obstacle = self.day.obstacle(wanted, self._wall(sink, self.day))
            if obstacle is None:
                break
            self._ledger.cancel(ticket)
            if self._changed is not before:
                continue
            if obstacle.kind == "stop" and self._live and not self.day.stopped:
                # Our own calls under way may turn out to take less than they hold.
                obstacle = Obstacle(kind="wait", level=obstacle.level)
            await self._overcome(sink, self.day, obstacle)
        self._live += 1
        return ticket

    def settle(self, ticket: str, spent: Spent) -> None:
        """Note what a live call took."""
        assert self._ledger is not None
        self._ledger.settle(ticket, spent)
        self._live -= 1
        self.wake()

    def cancel(self, ticket: str) -> None:
        """Take back a live call that was admitted and then not made."""
        assert self._ledger is not None
        self._ledger.cancel(ticket)
        self._live -= 1
        self.wake()

    def wake(self) -> None:
        """Let waiting calls look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def warn(self, sink: Sink, account: Account) -> None:
        """Record which budgets have reached 70 percent."""
        for level in account.warnings(self._wall(sink, account)):
            _record(sink, level, "warned")

    def needs_price(self, account: Account) -> bool:
        """Tell whether a call of unknown price must not pass `account`."""
        return self._unpriced == "refuse" and account.limited("cost_usd")

    @property
    def keeps(self) -> bool:
        """Whether live calls are written down."""
        return self._ledger is not None

    def _wall(self, sink: Sink, account: Account) -> float:
        return sink.worked_s() if account.scope == "trial" else self.elapsed()

    async def _overcome(self, sink: Sink, account: Account, obstacle: Obstacle) -> None:
        if obstacle.kind == "wait":
            await self._changed.wait()
            if sink.stop is not None:
                raise Refusal(400, f"the trial is over: {sink.stop[1]}")
        elif obstacle.kind == "ask":
            await self._ask(sink, account, obstacle.level)
        else:
            self._stop(sink, account, obstacle)

    async def _ask(self, sink: Sink, account: Account, level: Level) -> None:
        assert self._approver is not None
        account.asking = level
        try:
            async with self._questions:
                yes = await self._approver(level)
        finally:
            account.asking = None
            self.wake()
        _record(sink, level, "approved" if yes else "denied")
        if yes:
            account.approved.add(level.measure)
        else:
            account.stopped = Obstacle(
                kind="stop", level=level, reason=f"{level}; going beyond 90 % was not approved",
            )

    def _stop(self, sink: Sink, account: Account, obstacle: Obstacle) -> None:
        account.stopped = account.stopped or obstacle
        self.wake()
        _record(sink, obstacle.level, "stopped")
        sink.end(Outcome.LIMIT, obstacle.reason)
        raise Refusal(400, obstacle.reason, code="budget_exceeded")


def _record(
    sink: Sink, level: Level, step: Literal["warned", "approved", "denied", "stopped"]
) -> None:
    now = sink.now()
    sink.record(BudgetStep(
        agent="", started_s=now, ended_s=now, scope=level.scope, measure=level.measure,
        spent=level.spent, limit=level.limit, step=step,
    ))
