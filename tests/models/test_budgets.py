"""Budgets at the gateway: the call that would exceed one is refused before it is made."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
import pytest

from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.event import BudgetStep, ModelCall, TokenCount
from agentdyno.core.model import ModelChoice
from agentdyno.core.settings import Budget
from agentdyno.core.sink import Sink
from agentdyno.core.spend import DayTotals, Reservation, Spent
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.models.account import Level, tightest
from agentdyno.models.budget import Budgets
from agentdyno.models.conversation import Reply
from agentdyno.models.exchange import Refusal
from agentdyno.models.guard import BudgetGuard, payees_of
from agentdyno.models.upstream import ModelRequest

NONE = Budget()
PRICED = ("openai", "gpt-4o-mini")
_PROMPT_USD, _COMPLETION_USD = 0.15e-6, 0.6e-6


@dataclass
class Book:
    """A ledger in memory that can be away."""

    before: DayTotals = field(default_factory=DayTotals)
    rows: dict[str, Reservation] = field(default_factory=dict)
    settled: dict[str, Spent] = field(default_factory=dict)
    away: bool = False

    async def reserve(self, entry: Reservation, *, totals: bool) -> tuple[str, DayTotals | None]:
        await asyncio.sleep(0)
        if self.away:
            raise HarnessFault("the ledger is away", "agentdyno db status")
        others = [
            (s.prompt_tokens + s.completion_tokens, s.cost_usd or 0.0)
            if (s := self.settled.get(ticket)) else (row.tokens, row.cost_usd or 0.0)
            for ticket, row in self.rows.items()
        ]
        ticket = f"t{len(self.rows)}"
        self.rows[ticket] = entry
        if not totals:
            return ticket, None
        return ticket, DayTotals(
            calls=self.before.calls + len(others),
            tokens=self.before.tokens + sum(tokens for tokens, _ in others),
            cost_usd=self.before.cost_usd + sum(cost for _, cost in others),
            wall_s=self.before.wall_s,
        )

    def settle(self, ticket: str, spent: Spent) -> None:
        self.settled[ticket] = spent

    def cancel(self, ticket: str) -> None:
        del self.rows[ticket]

    async def close(self) -> None:
        pass


@dataclass
class Team:
    """One trial whose calls are made by hand."""

    guard: BudgetGuard
    sink: Sink = field(default_factory=lambda: Sink(trial_id="trial1", token="secret"))
    calls: int = 0

    async def ask(self, text: str = "hi", *, agent: str = "analyst", **keys: Any) -> ModelRequest:
        """Have a call admitted."""
        body = {"model": "default", "messages": [{"role": "user", "content": text}], **keys}
        request = ModelRequest(
            api="chat", agent=agent, agents={}, ordinal=self.calls, body=b"{}", json=body
        )
        self.calls += 1
        await self.guard.admit(self.sink, request)
        return request

    def answered(
        self, request: ModelRequest, prompt: int, completion: int, *,
        source: Literal["scripted", "live", "recorded"] = "scripted", **changes: Any,
    ) -> None:
        """End a call with what it took."""
        values: dict[str, Any] = {
            "agent": request.agent, "started_s": 0.0, "ended_s": 0.0, "ordinal": request.ordinal,
            "api": "chat", "model": "default", "stream": False, "status": 200, "source": source,
            "tokens": TokenCount(prompt=prompt, completion=completion),
        }
        if source == "live":
            values |= {
                "provider": "openai", "provider_model": "gpt-4o-mini",
                "cost_usd": prompt * _PROMPT_USD + completion * _COMPLETION_USD,
            }
        self.guard.settle(self.sink, ModelCall(**(values | changes)))

    async def call(self, prompt: int = 10, completion: int = 10, **keys: Any) -> None:
        """Make a whole call of a scripted model."""
        self.answered(await self.ask(**keys), prompt, completion)

    async def live(self, prompt: int, completion: int, **keys: Any) -> None:
        """Make a whole call of a live model."""
        self.answered(await self.ask(**keys), prompt, completion, source="live")

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        """Scope, measure and step of each budget event."""
        return [(e.scope, e.measure, e.step) for e in self.sink.events
                if isinstance(e, BudgetStep)]


def _live(_: ModelRequest) -> Sequence[tuple[str, str]]:
    return (PRICED,)


def _usd(prompt: int, completion: int) -> float:
    return prompt * _PROMPT_USD + completion * _COMPLETION_USD


def _run(
    *, matrix: Budget = NONE, day: Budget = NONE, book: Book | None = None,
    approver: Callable[[Level], Awaitable[bool]] | None = None, **more: Any,
) -> Budgets:
    return Budgets(matrix, day, book, approver, **more)


async def _beat() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


# calls, tokens, cost, wall time


async def test_a_trial_may_make_just_as_many_calls_as_its_budget_has() -> None:
    team = Team(_run().guard(Budget(calls=2)))
    await team.call()
    await team.call()
    with pytest.raises(Refusal) as refused:
        await team.call()
    assert refused.value.code == "budget_exceeded"
    assert team.sink.stop == (
        Outcome.LIMIT,
        "budget of 2 model calls for this trial reached (trial calls): spent 2",
    )


async def test_tokens_of_the_prompt_are_counted_before_the_call() -> None:
    team = Team(_run().guard(Budget(tokens=100)))
    await team.call(60, 30)
    with pytest.raises(Refusal, match=r"spent 90, and the next call may take \d\d"):
        await team.ask("a dozen words and a few more that do not fit any more into it")


async def test_the_completion_that_a_request_asks_for_counts_before_the_call() -> None:
    team = Team(_run().guard(Budget(tokens=100)))
    with pytest.raises(Refusal, match="spent 0, and the next call may take"):
        await team.ask("hi", max_completion_tokens=99)
    other = Team(_run().guard(Budget(tokens=100)))
    await other.ask("hi", max_tokens=80)


async def test_as_many_completions_count_as_are_asked_for() -> None:
    with pytest.raises(Refusal):
        await Team(_run().guard(Budget(tokens=100))).ask("hi", max_tokens=40, n=3)


async def test_cost_is_known_before_the_call_from_the_price_of_what_it_sends() -> None:
    limit = _usd(1000, 1000)
    team = Team(_run(matrix=Budget(cost_usd=limit)).guard(NONE, _live))
    await team.live(900, 900)
    with pytest.raises(Refusal) as refused:
        await team.ask("hi", max_tokens=500)
    assert "USD for this run reached (matrix cost_usd): spent 0.000675" in refused.value.message
    assert team.sink.stop
    assert team.sink.stop[0] is Outcome.LIMIT


async def test_the_reason_reads_as_people_write_money() -> None:
    team = Team(_run(matrix=Budget(cost_usd=0.5)).guard(NONE, _live))
    team.answered(await team.ask(), 1, 1, source="live", cost_usd=0.4987)
    with pytest.raises(Refusal) as refused:
        await team.ask("hi", max_tokens=16_000)
    assert refused.value.message.startswith(
        "budget of 0.50 USD for this run reached (matrix cost_usd): spent 0.4987"
    )


async def test_the_dearest_model_that_may_answer_is_held() -> None:
    dear = ("anthropic", "claude-opus-4-1")
    budgets = _run(matrix=Budget(cost_usd=0.05))
    team = Team(budgets.guard(NONE, lambda _: (PRICED, dear)))
    with pytest.raises(Refusal, match="matrix cost_usd"):
        await team.ask("hi", max_tokens=1000)


async def test_time_that_has_passed_stops_a_trial_and_a_run() -> None:
    team = Team(_run().guard(Budget(wall_s=5)))
    await team.call()
    team.sink.zero -= 6
    with pytest.raises(Refusal, match=r"budget of 5 s for this trial reached \(trial wall_s\)"):
        await team.call()

    now = [100.0]
    budgets = _run(matrix=Budget(wall_s=60), clock=lambda: now[0])
    team = Team(budgets.guard(NONE))
    now[0] += 59
    await team.call()
    assert budgets.exhausted is None
    now[0] += 1
    assert str(budgets.exhausted).endswith("passed 60 s")
    with pytest.raises(Refusal, match="for this run reached"):
        await team.call()


async def test_recorded_answers_cost_nothing_but_are_calls() -> None:
    team = Team(_run(matrix=Budget(calls=2, cost_usd=0.01)).guard(NONE))
    team.answered(await team.ask(), 10_000_000, 1, source="recorded")
    await team.call()
    with pytest.raises(Refusal, match="matrix calls"):
        await team.call()


# trial, matrix, day


async def test_trials_of_a_run_share_its_budget_but_not_each_others() -> None:
    budgets = _run(matrix=Budget(calls=3))
    first, second = Team(budgets.guard(Budget(calls=2))), Team(budgets.guard(Budget(calls=2)))
    await first.call()
    await first.call()
    with pytest.raises(Refusal, match="trial calls"):
        await first.call()
    assert budgets.exhausted is None
    await second.call()
    assert "for this run reached" in str(budgets.exhausted)
    with pytest.raises(Refusal, match="matrix calls"):
        await second.call()


async def test_a_call_that_the_run_refuses_is_not_counted_for_the_trial() -> None:
    budgets = _run(matrix=Budget(calls=1))
    await Team(budgets.guard(NONE)).call()
    guard = budgets.guard(Budget(calls=5))
    with pytest.raises(Refusal):
        await Team(guard).call()
    assert guard._trial.spent.calls == 0


async def test_a_day_begins_with_what_earlier_runs_spent() -> None:
    book = Book(before=DayTotals(calls=7, tokens=70, cost_usd=0.02))
    budgets = _run(day=Budget(calls=8), book=book)
    team = Team(budgets.guard(NONE, _live))
    await team.live(10, 10)
    assert team.steps == [("day", "calls", "warned")]
    assert budgets.exhausted is None
    with pytest.raises(Refusal, match="for this UTC day reached"):
        await team.ask()
    assert "day calls" in str(budgets.exhausted)
    assert len(book.rows) == 1, "the refused call's reservation was taken back"


async def test_a_day_counts_live_calls_alone() -> None:
    book = Book()
    team = Team(_run(day=Budget(calls=1), book=book).guard(NONE))
    await team.call()
    await team.call()
    assert book.rows == {}


async def test_the_simulated_user_costs_the_run_and_not_the_trial() -> None:
    book = Book()
    budgets = _run(matrix=Budget(calls=2), book=book)
    team = Team(budgets.guard(Budget(calls=1), _live))
    await team.live(1, 1, agent=USER_SIMULATOR)
    await team.live(1, 1)
    assert [row.agent for row in book.rows.values()] == [USER_SIMULATOR, "analyst"]
    with pytest.raises(Refusal, match="matrix calls"):
        await team.ask(agent=USER_SIMULATOR)


def test_of_two_budgets_the_tighter_limits_hold() -> None:
    joined = tightest(Budget(calls=5, cost_usd=1.0), Budget(calls=3, tokens=9))
    assert joined == Budget(calls=3, tokens=9, cost_usd=1.0)


def test_a_day_cannot_be_kept_without_a_ledger() -> None:
    with pytest.raises(ValueError, match="needs a ledger"):
        _run(day=Budget(calls=1))


# side by side


async def test_calls_side_by_side_cannot_overdraw_together() -> None:
    budgets = _run(matrix=Budget(tokens=100))
    teams = [Team(budgets.guard(NONE)) for _ in range(5)]
    asked = [asyncio.create_task(team.ask("hi", max_tokens=30)) for team in teams]
    await _beat()
    through = [n for n, task in enumerate(asked) if task.done()]
    assert through == [0, 1, 2]
    for n in through:
        teams[n].answered(asked[n].result(), 2, 30)
    await _beat()
    results = await asyncio.gather(*asked[3:], return_exceptions=True)
    assert all(isinstance(result, Refusal) for result in results)


async def test_a_call_waits_for_others_that_may_take_less_than_they_hold() -> None:
    budgets = _run(matrix=Budget(tokens=100))
    first, second = Team(budgets.guard(NONE)), Team(budgets.guard(NONE))
    under_way = await first.ask("hi", max_tokens=80)
    waiting = asyncio.create_task(second.ask("hi", max_tokens=80))
    await _beat()
    assert not waiting.done()
    first.answered(under_way, 2, 3)
    await waiting
    assert second.sink.stop is None


async def test_a_waiting_call_of_a_trial_that_was_stopped_is_refused() -> None:
    budgets = _run(matrix=Budget(tokens=100))
    first, second = Team(budgets.guard(NONE)), Team(budgets.guard(NONE))
    under_way = await first.ask("hi", max_tokens=80)
    waiting = asyncio.create_task(second.ask("hi", max_tokens=80))
    await _beat()
    second.sink.end(Outcome.LIMIT, "out of time")
    first.answered(under_way, 2, 3)
    with pytest.raises(Refusal, match="the trial is over: out of time"):
        await waiting


async def test_live_calls_side_by_side_cannot_overdraw_a_day_together() -> None:
    book = Book()
    budgets = _run(day=Budget(tokens=100), book=book)
    teams = [Team(budgets.guard(NONE, _live)) for _ in range(4)]
    asked = [asyncio.create_task(team.ask("hi", max_tokens=40)) for team in teams]
    await _beat()
    assert [task.done() for task in asked] == [True, True, False, False]
    assert len(book.rows) == 2
    teams[0].answered(asked[0].result(), 2, 40, source="live")
    teams[1].answered(asked[1].result(), 2, 3, source="live")
    await _beat()
    assert asked[2].done()
    assert not asked[2].exception()


# 70, 90 and 100 percent


async def test_at_70_percent_each_budget_warns_once() -> None:
    team = Team(_run(matrix=Budget(calls=10)).guard(NONE))
    for _ in range(6):
        await team.call()
    assert team.steps == []
    for _ in range(4):
        await team.call()
    assert team.steps == [("matrix", "calls", "warned")]
    (step,) = [e for e in team.sink.events if isinstance(e, BudgetStep)]
    assert (step.spent, step.limit) == (7, 10)
    with pytest.raises(Refusal):
        await team.call()
    assert team.steps[1:] == [("matrix", "calls", "stopped")]


async def test_beyond_90_percent_goes_only_who_is_approved_and_is_asked_once() -> None:
    questions: list[str] = []

    async def yes(level: Level) -> bool:
        questions.append(str(level))
        return True

    team = Team(_run(matrix=Budget(calls=10), approver=yes).guard(NONE))
    for _ in range(9):
        await team.call()
    assert questions == []
    await team.call()
    assert questions == ["budget of 10 model calls for this run (matrix calls): spent 9"]
    assert ("matrix", "calls", "approved") in team.steps
    with pytest.raises(Refusal):
        await team.call()
    assert len(questions) == 1


async def test_who_is_denied_is_stopped_and_so_is_the_run() -> None:
    async def no(_: Level) -> bool:
        return False

    budgets = _run(matrix=Budget(calls=10), approver=no)
    team = Team(budgets.guard(NONE))
    for _ in range(9):
        await team.call()
    with pytest.raises(Refusal, match="not approved"):
        await team.call()
    assert team.steps[-2:] == [("matrix", "calls", "denied"), ("matrix", "calls", "stopped")]
    assert "not approved" in str(budgets.exhausted)
    assert team.sink.stop
    assert team.sink.stop[0] is Outcome.LIMIT


async def test_while_somebody_is_asked_other_calls_of_that_budget_wait() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    questions: list[Level] = []

    async def later(level: Level) -> bool:
        questions.append(level)
        asked.set()
        await answer.wait()
        return True

    budgets = _run(matrix=Budget(calls=10), approver=later)
    team, other = Team(budgets.guard(NONE)), Team(budgets.guard(NONE))
    for _ in range(8):
        await team.call()
    await team.call()
    beyond = asyncio.create_task(team.call())
    await asked.wait()
    waiting = asyncio.create_task(other.call())
    await _beat()
    assert not waiting.done()
    answer.set()
    results = await asyncio.gather(beyond, waiting, return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], Refusal)
    assert len(questions) == 1


async def test_questions_are_asked_one_at_a_time() -> None:
    open_questions, most = 0, 0

    async def slowly(_: Level) -> bool:
        nonlocal open_questions, most
        open_questions += 1
        most = max(most, open_questions)
        await _beat()
        open_questions -= 1
        return True

    budgets = _run(approver=slowly)
    teams = [Team(budgets.guard(Budget(calls=1))) for _ in range(3)]
    await asyncio.gather(*(team.call() for team in teams))
    assert most == 1


# prices and the ledger


async def test_with_a_budget_in_dollars_a_model_of_unknown_price_is_refused() -> None:
    budgets = _run(matrix=Budget(cost_usd=1))
    team = Team(budgets.guard(NONE, lambda _: (("openai", "gpt-of-nobody"),)))
    with pytest.raises(Refusal, match="price of openai:gpt-of-nobody is unknown") as refused:
        await team.ask()
    assert refused.value.code == "price_unknown"
    assert team.sink.stop
    assert team.sink.stop[0] is Outcome.HARNESS_FAULT
    assert "next: limit calls or tokens" in team.sink.stop[1]


async def test_an_unknown_price_passes_where_it_is_allowed_or_no_dollars_are_counted() -> None:
    unknown = (("openai", "gpt-of-nobody"),)
    allowed = _run(matrix=Budget(cost_usd=1), unpriced="allow")
    await Team(allowed.guard(NONE, lambda _: unknown)).ask()
    await Team(_run(matrix=Budget(calls=1)).guard(NONE, lambda _: unknown)).ask()


async def test_a_server_of_ones_own_needs_no_price() -> None:
    budgets = _run(matrix=Budget(cost_usd=0.001))
    await Team(budgets.guard(NONE, lambda _: (("ollama", "llama3"),))).ask(max_tokens=9999)


def test_an_unknown_price_can_be_told_before_the_run() -> None:
    budgets = _run(matrix=Budget(cost_usd=1))
    budgets.check(NONE, [PRICED, ("ollama", "llama3")])
    with pytest.raises(UsageError, match="openai:gpt-of-nobody is unknown"):
        budgets.check(NONE, [("openai", "gpt-of-nobody")])
    with pytest.raises(UsageError, match=r"\(trial\)"):
        _run().check(Budget(cost_usd=1), [("openai", "gpt-of-nobody")])
    _run().check(NONE, [("openai", "gpt-of-nobody")])


async def test_a_live_call_is_written_down_before_it_is_made_and_corrected_after() -> None:
    book = Book()
    team = Team(_run(book=book).guard(NONE, _live))
    request = await team.ask("hello there", max_tokens=100)
    (entry,) = book.rows.values()
    assert (entry.provider, entry.model, entry.trial_id) == (*PRICED, "trial1")
    assert entry.tokens > 100
    assert entry.cost_usd is not None
    assert entry.cost_usd > 100 * _COMPLETION_USD
    team.answered(request, 5, 7, source="live")
    assert book.settled["t0"] == Spent(
        provider="openai", model="gpt-4o-mini", prompt_tokens=5, completion_tokens=7,
        cost_usd=_usd(5, 7),
    )


async def test_a_call_without_a_maximum_is_written_down_with_a_generous_one() -> None:
    book = Book()
    await Team(_run(book=book).guard(NONE, _live)).ask("hi")
    assert book.rows["t0"].tokens > 4096


@pytest.mark.parametrize(("changes", "known"), [
    ({"status": 429, "error": "slow down"}, True),
    ({"status": 401, "error": "wrong key"}, True),
    ({"status": 499, "error": "the client hung up"}, False),
    ({"status": 504, "error": "no answer in time"}, False),
    ({"status": 400, "error": "the trial is over"}, False),
    ({"status": 502, "error": "the stream broke off", "source": "live"}, False),
])
async def test_a_call_that_broke_off_counts_with_its_reservation_and_a_refused_one_with_nothing(
    changes: dict[str, Any], known: bool
) -> None:
    book = Book()
    team = Team(_run(book=book, matrix=Budget(tokens=1000)).guard(NONE, _live))
    request = await team.ask("hi", max_tokens=900)
    team.answered(request, 0, 0, **({"tokens": None, "cost_usd": None} | changes))
    assert book.settled["t0"].known is known
    if known:
        await team.ask("hi", max_tokens=900)
    else:
        with pytest.raises(Refusal):
            await team.ask("hi", max_tokens=900)


async def test_of_a_stream_that_broke_off_more_may_be_billed_than_had_arrived() -> None:
    book = Book()
    team = Team(_run(book=book).guard(NONE, _live))
    for status, known in ((499, False), (200, True)):
        request = await team.ask("hi", max_tokens=900)
        team.answered(request, 5, 20, source="live", status=status)
        assert book.settled[f"t{request.ordinal}"].known is known


async def test_a_call_that_was_replayed_after_all_leaves_nothing_in_the_ledger() -> None:
    book = Book()
    budgets = _run(book=book, matrix=Budget(cost_usd=0.001, calls=3))
    team = Team(budgets.guard(NONE, _live))
    team.answered(await team.ask("hi", max_tokens=1000), 5, 900, source="recorded")
    assert book.rows == {}
    await team.ask("hi", max_tokens=1000)
    assert budgets.matrix.spent.calls == 2
    assert budgets.matrix.spent.cost_usd == 0


def test_an_agent_may_be_answered_by_its_model_or_by_the_fallbacks_behind_it() -> None:
    last = ModelChoice.of("ollama:llama3")
    first = ModelChoice(model="openai:gpt-5-mini", fallback=last)
    payees = payees_of({"analyst": first, "researcher": last})

    def of(agent: str) -> Sequence[tuple[str, str]]:
        return payees(ModelRequest(
            api="chat", agent=agent, agents={}, ordinal=0, body=b"{}", json={}
        ))

    assert of("analyst") == (("openai", "gpt-5-mini"), ("ollama", "llama3"))
    assert of("researcher") == (("ollama", "llama3"),)
    assert of("nobody") == ()


async def test_while_the_ledger_is_away_no_live_call_is_made() -> None:
    book = Book(away=True)
    guard = _run(book=book, matrix=Budget(calls=9)).guard(NONE, _live)
    team = Team(guard)
    with pytest.raises(Refusal) as refused:
        await team.ask()
    assert refused.value.code == "budget_unavailable"
    assert team.sink.stop == (
        Outcome.HARNESS_FAULT, "the ledger is away\n  next: agentdyno db status"
    )


# through the gateway


@dataclass
class Counting:
    """An upstream that counts what reaches it."""

    asked: int = 0

    async def answer(self, request: ModelRequest) -> Reply:
        self.asked += 1
        return Reply(text="yes")


async def test_the_gateway_does_not_pass_on_a_call_that_exceeds_a_budget(bench: Any) -> None:
    upstream = Counting()
    client = bench.open(upstream)
    bench.gateway.close(client.sink.trial_id)
    bench.gateway.open(
        client.sink, _agents(), upstream, guard=_run(matrix=Budget(calls=1)).guard(NONE)
    )
    assert (await client.chat("one")).status_code == 200
    refused: httpx2.Response = await client.chat("two")
    assert refused.status_code == 400
    assert refused.headers["x-should-retry"] == "false"
    assert refused.json()["error"]["code"] == "budget_exceeded"
    assert upstream.asked == 1
    last = [e for e in client.sink.events if isinstance(e, ModelCall)][-1]
    assert last.tokens is None


async def test_a_call_that_waited_is_not_made_for_a_trial_that_was_closed(bench: Any) -> None:
    budgets = _run(matrix=Budget(tokens=100))
    blocker = Team(budgets.guard(NONE))
    under_way = await blocker.ask("hi", max_tokens=90)
    upstream = Counting()
    client = bench.open(upstream)
    bench.gateway.close(client.sink.trial_id)
    waiting = Arrived(budgets.guard(NONE))
    bench.gateway.open(client.sink, _agents(), upstream, guard=waiting)
    call = asyncio.create_task(client.chat("hi", max_tokens=50))
    await waiting.arrived.wait()
    bench.gateway.close(client.sink.trial_id)
    blocker.answered(under_way, 1, 1)
    assert (await call).json()["error"]["message"].startswith("the trial is over")
    assert upstream.asked == 0
    assert budgets.matrix.spent.calls == 1


@dataclass
class Arrived:
    """A guard that tells when a call has come to it."""

    guard: BudgetGuard
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def admit(self, sink: Sink, request: ModelRequest) -> None:
        self.arrived.set()
        await self.guard.admit(sink, request)

    def settle(self, sink: Sink, call: ModelCall) -> None:
        self.guard.settle(sink, call)


def _agents() -> list[Any]:
    from agentdyno.core.spec import AgentSpec

    return [AgentSpec(name=name, role="r", goal="g", instructions="i")
            for name in ("researcher", "analyst")]
