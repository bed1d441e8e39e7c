"""The guard of one trial: draws each of its calls on the budgets of trial, run and day."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentdyno.core.errors import DynoError
from agentdyno.core.event import ModelCall
from agentdyno.core.model import ModelChoice
from agentdyno.core.sink import Sink
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.models import prices
from agentdyno.models.account import Account
from agentdyno.models.estimate import (
    Estimate,
    Payee,
    estimate,
    no_price,
    one_call,
    taken_by,
)
from agentdyno.models.exchange import ENDED_MEANWHILE, Refusal
from agentdyno.models.tokens import aside
from agentdyno.models.upstream import ModelRequest

if TYPE_CHECKING:
    from agentdyno.models.budget import Budgets

Payees = Callable[[ModelRequest], Sequence[Payee]]
"""Says which (provider, model) a request may reach, fallbacks included; none for one that is
scripted or replayed. The dearest of them is held."""


def payees_of(choices: Mapping[str, ModelChoice]) -> Payees:
    """Return who may be paid for each agent's calls: its model and the fallbacks behind it.

    Args:
        choices: by agent; fallbacks are resolved. Agents without a choice never go live.
    """
    chains = {agent: chain(choice) for agent, choice in choices.items()}
    return lambda request: chains.get(request.agent, ())


def chain(choice: ModelChoice) -> tuple[Payee, ...]:
    """Return a model and its fallbacks, in the order in which they are asked."""
    payee = (choice.provider, choice.name)
    behind = choice.fallback
    if isinstance(behind, str):
        raise ValueError(f"the fallback {behind!r} is a name that nobody looked up")
    return (payee, *chain(behind)) if behind else (payee,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Admitted:
    wanted: Estimate
    accounts: tuple[Account, ...]
    ticket: str | None


class BudgetGuard:
    """Looks at every call of one trial before it is made; implements `exchange.Guard`."""

    def __init__(self, budgets: "Budgets", trial: Account, payees: Payees | None) -> None:
        self._budgets = budgets
        self._trial = trial
        self._payees = payees
        self._admitted: dict[tuple[str, int], _Admitted] = {}
        self._idle = payees is None and not trial.limited() and not budgets.matrix.limited()

    async def admit(self, sink: Sink, request: ModelRequest) -> None:
        """Let a call pass, at most after waiting for others or for an approval.

        Raises:
            Refusal: a budget does not suffice (the trial ends with outcome `limit`), or it cannot
                be kept: the price is unknown, or the ledger is away (`harness_fault`).
        """
        if self._idle:
            return
        payees = tuple(self._payees(request)) if self._payees else ()
        if payees:
            await prices.load()
        matrix = self._budgets.matrix
        accounts = (matrix,) if request.agent == USER_SIMULATOR else (self._trial, matrix)
        weighed = payees or any(account.limited("tokens") for account in accounts)
        wanted = await aside(
            len(request.body), lambda: estimate(request, payees)
        ) if weighed else one_call()
        self._check_price(sink, wanted, accounts)
        ticket = await self._enter(sink, request, wanted, accounts)
        self._admitted[request.agent, request.ordinal] = _Admitted(
            wanted=wanted, accounts=accounts, ticket=ticket
        )

    def settle(self, sink: Sink, call: ModelCall) -> None:
        """Take note of what an admitted call took."""
        admitted = self._admitted.pop((call.agent, call.ordinal), None)
        if admitted is None:
            return
        wanted = admitted.wanted
        if call.error == ENDED_MEANWHILE:
            self._unmake(admitted)
            return
        spent, amount = taken_by(call, wanted)
        for account in admitted.accounts:
            account.settle(wanted.amount, amount)
            self._budgets.warn(sink, account)
        if admitted.ticket is None:
            self._budgets.wake()
        elif call.source != "live" and call.error is None:
            # A replayer had the answer after all: no provider was asked.
            self._budgets.cancel(admitted.ticket)
        else:
            self._budgets.settle(admitted.ticket, spent)

    def _unmake(self, admitted: _Admitted) -> None:
        for account in admitted.accounts:
            self._budgets.leave(account, admitted.wanted.amount)
        if admitted.ticket is not None:
            self._budgets.cancel(admitted.ticket)

    async def _enter(
        self, sink: Sink, request: ModelRequest, wanted: Estimate, accounts: Sequence[Account]
    ) -> str | None:
        entered: list[Account] = []
        try:
            for account in accounts:
                await self._budgets.enter(sink, account, wanted.amount)
                entered.append(account)
            if not wanted.payees or not self._budgets.keeps:
                return None
            entry = wanted.reservation(sink.trial_id, request.agent)
            return await self._budgets.reserve(sink, entry, wanted.amount)
        except BaseException as error:
            for account in entered:
                self._budgets.leave(account, wanted.amount)
            if isinstance(error, DynoError):
                sink.end(Outcome.HARNESS_FAULT, str(error))
                raise Refusal(400, error.message, code="budget_unavailable") from error
            raise

    def _check_price(
        self, sink: Sink, wanted: Estimate, accounts: Sequence[Account]
    ) -> None:
        limited = [a.scope for a in (*accounts, self._budgets.day) if self._budgets.needs_price(a)]
        if wanted.unpriced and limited:
            message, hint = no_price(wanted.unpriced, limited)
            sink.end(Outcome.HARNESS_FAULT, f"{message}\n  next: {hint}")
            raise Refusal(400, message, code="price_unknown")
