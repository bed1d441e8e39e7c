"""One budget while it is spent: what is gone, what is held for calls under way, what may follow."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from agentdyno.core.settings import Budget

Scope = Literal["trial", "matrix", "day"]
Measure = Literal["calls", "tokens", "cost_usd", "wall_s"]

WARN_AT, ASK_AT = 0.7, 0.9
_MEASURES: tuple[Measure, ...] = ("calls", "tokens", "cost_usd", "wall_s")
_WHOSE: dict[Scope, str] = {"trial": "this trial", "matrix": "this run", "day": "this UTC day"}
_SLACK = 1 + 1e-9
"""Sums of floats are no exact cents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a call takes, or many."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0
    wall_s: float = 0.0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            calls=self.calls + other.calls, tokens=self.tokens + other.tokens,
            cost_usd=self.cost_usd + other.cost_usd, wall_s=self.wall_s + other.wall_s,
        )

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(
            calls=self.calls - other.calls, tokens=self.tokens - other.tokens,
            cost_usd=max(0.0, self.cost_usd - other.cost_usd), wall_s=self.wall_s - other.wall_s,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Where one measure of a budget stands."""

    scope: Scope
    measure: Measure
    spent: float
    """In the unit of `measure`."""
    limit: float

    def __str__(self) -> str:
        whole = shown(self.measure, self.limit, unit=True)
        gone = "passed" if self.measure == "wall_s" else "spent"
        return (f"budget of {whole} for {_WHOSE[self.scope]} ({self.scope} {self.measure}): "
                f"{gone} {shown(self.measure, self.spent)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why a call may not pass an account now."""

    kind: Literal["wait", "ask", "stop"]
    """`wait`: calls under way hold what it needs. `ask`: beyond 90 percent only with approval."""
    level: Level
    reason: str = ""
    """For `stop`: what the trial's outcome says."""


@dataclass(eq=False, slots=True, kw_only=True)
class Account:
    """One budget. Nothing here waits: what is checked and held in one step cannot be overdrawn."""

    scope: Scope
    budget: Budget
    asks: bool = False
    """Whether somebody can approve going beyond 90 percent."""
    spent: Amount = Amount()
    held: Amount = Amount()
    """The most that calls under way may take; their number is in `spent` from their start."""
    warned: set[Measure] = field(default_factory=set)
    approved: set[Measure] = field(default_factory=set)
    asking: Level | None = None
    stopped: Obstacle | None = None
    """The first obstacle that ended the budget; no call passes any more."""

    def limited(self, *measures: Measure) -> bool:
        """Tell whether one of `measures` (all, when none is named) has a limit."""
        return any(getattr(self.budget, measure) is not None for measure in measures or _MEASURES)

    def level(self, measure: Measure, wall_s: float) -> Level | None:
        """Return where `measure` stands after `wall_s` seconds; None when it has no limit."""
        limit = getattr(self.budget, measure)
        if limit is None:
            return None
        spent = wall_s + self.spent.wall_s if measure == "wall_s" else getattr(self.spent, measure)
        return Level(scope=self.scope, measure=measure, spent=spent, limit=limit)

    def obstacle(self, wanted: Amount, wall_s: float) -> Obstacle | None:
        """Return what stands in the way of a call that takes `wanted`; None lets it pass."""
        if self.stopped is not None:
            return self.stopped
        levels = list(self._levels(wall_s))
        for level in levels:
            if _beyond(level.spent, level.measure, wanted, level.limit):
                return Obstacle(kind="stop", level=level, reason=_reached(level, wanted))
        if self.asking is not None:
            return Obstacle(kind="wait", level=self.asking)
        for level in levels:
            after = level.spent + self._held(level.measure)
            if _beyond(after, level.measure, wanted, level.limit):
                return Obstacle(kind="wait", level=level)
            if self.asks and level.measure not in self.approved and _beyond(
                after, level.measure, wanted, level.limit * ASK_AT
            ):
                return Obstacle(kind="ask", level=level)
        return None

    def used_up(self, wall_s: float) -> str | None:
        """Return why no call at all can pass any more, or None."""
        if self.stopped is not None:
            return self.stopped.reason
        for level in self._levels(wall_s):
            if level.spent * _SLACK >= level.limit:
                return _reached(level, Amount())
        return None

    def hold(self, wanted: Amount) -> None:
        """Set aside what a call may take; the call itself counts from now on."""
        self.spent += Amount(calls=wanted.calls)
        self.held += Amount(tokens=wanted.tokens, cost_usd=wanted.cost_usd)

    def release(self, wanted: Amount) -> None:
        """Undo `hold`: the call was not made."""
        self.settle(wanted, Amount(calls=-wanted.calls))

    def settle(self, wanted: Amount, taken: Amount) -> None:
        """Replace what was held by what a call took beside itself."""
        self.held -= Amount(tokens=wanted.tokens, cost_usd=wanted.cost_usd)
        self.spent += taken

    def warnings(self, wall_s: float) -> list[Level]:
        """Return the measures that have reached 70 percent since the last time."""
        found = [
            level for level in self._levels(wall_s)
            if level.measure not in self.warned and level.spent * _SLACK >= level.limit * WARN_AT
        ]
        self.warned.update(level.measure for level in found)
        return found

    def _levels(self, wall_s: float) -> Iterator[Level]:
        for measure in _MEASURES:
            level = self.level(measure, wall_s)
            if level is not None:
                yield level

    def _held(self, measure: Measure) -> float:
        return float(getattr(self.held, measure))


def tightest(*budgets: Budget) -> Budget:
    """Return the budget that keeps all of `budgets`."""
    return Budget(**{
        measure: min(limits) for measure in _MEASURES
        if (limits := [
            limit for budget in budgets if (limit := getattr(budget, measure)) is not None
        ])
    })


def shown(measure: Measure, value: float, *, unit: bool = False) -> str:
    """Return an amount for people."""
    if measure == "cost_usd":
        text = f"{value:.2f}" if round(value, 2) == round(value, 6) else f"{value:.6f}".rstrip("0")
        return f"{text} USD" if unit else text
    if measure == "wall_s":
        return f"{value:.4g} s"
    name = " model calls" if measure == "calls" else " tokens"
    return f"{value:,.0f}{name if unit else ''}"


def _beyond(spent: float, measure: Measure, wanted: Amount, limit: float) -> bool:
    # Time is not asked for: what a call will take of it is unknown.
    if measure == "wall_s":
        return spent >= limit
    return spent + float(getattr(wanted, measure)) > limit * _SLACK


def _reached(level: Level, wanted: Amount) -> str:
    text = str(level).replace(" (", " reached (", 1)
    more = float(getattr(wanted, level.measure))
    if level.measure in ("tokens", "cost_usd") and more and level.spent < level.limit:
        text += f", and the next call may take {shown(level.measure, more)}"
    return text
