"""What a call may take before it is made, and what it took."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentdyno.core.event import ModelCall, TokenCount
from agentdyno.core.spend import Reservation, Spent
from agentdyno.models.account import Amount
from agentdyno.models.bpe import count_text
from agentdyno.models.conversation import Reply, RequestError
from agentdyno.models.exchange import TRIAL_IS_OVER
from agentdyno.models.prices import cost_usd, is_billed, price_table
from agentdyno.models.tokens import count_call, count_embedding
from agentdyno.models.upstream import ModelRequest

Payee = tuple[str, str]
"""Provider, and the model's name there."""
ASSUMED_COMPLETION = 4096
"""Completion tokens that the ledger reserves for a call that names no maximum: what counts when the
harness is killed while the call is under way."""
_MAXIMA = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_MAYBE_BILLED = (408, 499, 502, 504)
"""Statuses of calls that a provider may have worked on without our seeing the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What one call may take."""

    amount: Amount
    """What budgets hold for it: its prompt, and the completion that it names as its maximum."""
    reserved: Amount
    """What the ledger holds for it: never less than `amount`."""
    payees: tuple[Payee, ...] = ()
    unpriced: tuple[str, ...] = ()
    """Payees that send bills by prices that nobody knows."""

    def reservation(self, trial_id: str, agent: str) -> Reservation:
        """Return what is written down before the call."""
        provider, model = self.payees[0]
        billed = any(is_billed(name) for name, _ in self.payees)
        return Reservation(
            trial_id=trial_id, agent=agent, provider=provider, model=model,
            tokens=self.reserved.tokens, billed=billed,
            cost_usd=self.reserved.cost_usd if billed and not self.unpriced else None,
        )


def one_call() -> Estimate:
    """Return what is known of a call without looking at it."""
    return Estimate(amount=Amount(calls=1), reserved=Amount(calls=1))


def estimate(request: ModelRequest, payees: Sequence[Payee]) -> Estimate:
    """Return what `request` may take when one of `payees` answers it: the dearest counts."""
    prompt = _prompt_tokens(request)
    asked = _most_completion(request)
    unasked = 0 if request.api == "embeddings" else ASSUMED_COMPLETION
    return Estimate(
        amount=_amount(payees, prompt, asked or 0),
        reserved=_amount(payees, prompt, unasked if asked is None else asked),
        payees=tuple(payees),
        unpriced=tuple(
            f"{provider}:{model}" for provider, model in payees
            if is_billed(provider) and _cost(provider, model, 1, min(1, unasked)) is None
        ),
    )


def no_price(models: Sequence[str], scopes: Sequence[str]) -> tuple[str, str]:
    """Return message and next command for budgets in US dollars that cannot be kept."""
    return (
        f"The price of {', '.join(models)} is unknown ({price_table()}), so the budget in US "
        f"dollars ({', '.join(scopes)}) cannot be kept.",
        "limit calls or tokens instead of US dollars, or name a model that the table knows",
    )


def taken_by(call: ModelCall, wanted: Estimate) -> tuple[Spent, Amount]:
    """Return what an admitted call took, for the ledger and for the budgets.

    A call that broke off may be billed all the same: what was held for it counts.
    """
    counted = call.tokens
    known = _is_known(call, wanted)
    provider, model = wanted.payees[0] if wanted.payees else (call.provider, call.model)
    if call.source == "live":
        provider, model = call.provider or provider, call.provider_model or model
    spent = Spent(
        provider=provider, model=model, known=known, billed=is_billed(provider),
        prompt_tokens=counted.prompt if counted else 0,
        completion_tokens=counted.completion if counted else 0,
        cached_tokens=counted.cached if counted else 0,
        cost_usd=_dollars(call, provider),
    )
    tokens, cost = spent.prompt_tokens + spent.completion_tokens, spent.cost_usd or 0.0
    if not known:
        tokens = max(tokens, wanted.amount.tokens)
        cost = max(cost, wanted.amount.cost_usd)
    return spent, Amount(tokens=tokens, cost_usd=cost)


def _dollars(call: ModelCall, provider: str) -> float | None:
    if call.cost_usd is not None:
        return call.cost_usd
    # No provider was paid for a recorded answer or for an error: that is a known zero.
    paid = call.source == "live" and call.tokens is not None
    return None if paid or not is_billed(provider) else 0.0


def _is_known(call: ModelCall, wanted: Estimate) -> bool:
    """Tell whether a call's tokens are all that it may be billed for."""
    if not _maybe_billed(call, wanted):
        return True
    if call.tokens is None:
        return False
    # Of an answer that broke off, only what had arrived is counted.
    whole = call.tokens_by == "provider" or call.status == 200
    return whole or call.tokens.prompt + call.tokens.completion > wanted.reserved.tokens


def _maybe_billed(call: ModelCall, wanted: Estimate) -> bool:
    if not wanted.payees or call.source == "recorded":
        return False
    closed = call.error == TRIAL_IS_OVER
    return closed or call.source == "live" or call.status in _MAYBE_BILLED


def _amount(payees: Sequence[Payee], prompt: int, completion: int) -> Amount:
    costs = [_cost(provider, model, prompt, completion) or 0.0 for provider, model in payees]
    return Amount(calls=1, tokens=prompt + completion, cost_usd=max(costs, default=0.0))


def _cost(provider: str, model: str, prompt: int, completion: int) -> float | None:
    return cost_usd(provider, model, TokenCount(prompt=prompt, completion=completion))


def _prompt_tokens(request: ModelRequest) -> int:
    try:
        if request.api == "embeddings":
            return count_embedding(request.embedding.texts).prompt
        return count_call(request.conversation, Reply()).prompt
    except RequestError:
        # A provider may know a form that we do not: all of the request is then its prompt.
        return count_text(request.body.decode(errors="replace"))


def _most_completion(request: ModelRequest) -> int | None:
    """Return the completion tokens that the request names as its maximum, for all its choices."""
    given = [
        value for key in _MAXIMA
        if isinstance(value := request.json.get(key), int) and value > 0
    ]
    if not given:
        return None
    choices = request.json.get("n")
    return min(given) * (choices if isinstance(choices, int) and choices > 0 else 1)
