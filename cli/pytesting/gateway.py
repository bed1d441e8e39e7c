"""The fixture `gateway`: a model gateway with a scripted model, for unit tests of agents."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from agentdyno.cli.pytesting.session import Session
from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import ModelCall
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome
from agentdyno.experiments.bench import Bench, open_bench
from agentdyno.experiments.pytesting.scripted import SOLO, Rules, script_of, stand_in
from agentdyno.experiments.pytesting.seen import Seen, call_text, numbered, shown
from agentdyno.models.chat import parse_chat
from agentdyno.models.conversation import ToolUse
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.responses import parse_responses
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.models.upstream import Answered, ModelRequest, UpstreamError
from agentdyno.tools.gateway import ToolGateway


class _Unscripted:
    """What answers until the test has said what the model says."""

    async def answer(self, request: ModelRequest) -> Answered:
        """Refuse; see `Upstream.answer`."""
        raise UpstreamError(
            500, "this gateway has no script yet: call gateway.script([...]) first",
            ends_trial=True,
        )


class UnitGateway:
    """An OpenAI-compatible address whose model says what the test wrote.

    Agents of a test use it like a provider: `OpenAI(base_url=gateway.base_url,
    api_key=gateway.key)`. Chat completions, responses, embeddings, and streams of them.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._number = 0
        self._told = False
        self._open({SOLO: stand_in(SOLO)}, _Unscripted())

    def _open(self, team: Mapping[str, AgentSpec], upstream: Any) -> None:
        self._number += 1
        self._sink = Sink(trial_id=f"unit{self._number}", token=secrets.token_urlsafe(24))
        self._team = team
        self._bench.models.open(self._sink, tuple(team.values()), upstream)

    def close(self) -> None:
        """Stop answering.

        Raises:
            HarnessFault: the script had no rule for something, and the test did not look.
        """
        self._bench.models.close(self._sink.trial_id)
        problem = self._sink.stop
        if problem and problem[0] is Outcome.HARNESS_FAULT and not self._told:
            raise HarnessFault(f"the gateway could not answer: {problem[1]}",
                               "change the script, or look at gateway.problem in the test")

    def script(
        self, rules: Rules | Mapping[str, Rules], variables: Mapping[str, Any] | None = None, *,
        seed: int = 0,
    ) -> None:
        """Say what the model answers, from now on and with everything before forgotten.

        Args:
            rules: rules of the one agent, or rules by agent; see design/scripted-model.md.
            variables: what templates read as `vars`.

        Raises:
            InputError: the rules hold problems.
        """
        script = script_of(rules, variables)
        self._bench.models.close(self._sink.trial_id)
        self._open({name: stand_in(name) for name in script.rules}, ScriptedUpstream(script, seed))

    @property
    def base_url(self) -> str:
        """Address of the first agent, ending in /v1."""
        return self.base_url_of(next(iter(self._team)))

    def base_url_of(self, agent: str) -> str:
        """Return the address of `agent`; raises KeyError when the script has none."""
        return self._bench.endpoint(self._sink.trial_id, self._team[agent]).model_base_url

    @property
    def key(self) -> str:
        """The API key; changes with the script."""
        return self._sink.token

    @property
    def problem(self) -> str:
        """Why a request could not be answered; "" when all were. A test that reads it may pass in
        spite of it."""
        self._told = True
        return self._sink.stop[1] if self._sink.stop else ""

    @property
    def model_calls(self) -> tuple[ModelCall, ...]:
        """Every request and its response, with tokens and times."""
        return tuple(event for event in self._sink.events if isinstance(event, ModelCall))

    @property
    def requests(self) -> tuple[dict[str, Any], ...]:
        """Bodies of the requests, as they stood on the wire."""
        return tuple(json.loads(wire.request) for wire in self._sink.wire)

    def called(self, tool: str, /, **arguments: Any) -> Seen:
        """Ask whether the agent called a tool that the model asked for, with at least these
        arguments, and sent its result back."""
        made = self._made()
        found = [
            call for call, result in made if result is not None and call.name == tool
            and all(n in call.parsed and call.parsed[n] == v for n, v in arguments.items())
        ]
        return Seen(holds=bool(found), question=f"{call_text(tool, arguments)} was called",
                    evidence=self._lines(made))

    def returned(self, tool: str, text: str) -> Seen:
        """Ask whether a result of `tool` that the agent sent back contains `text`."""
        made = self._made()
        found = [r for call, r in made if r is not None and call.name == tool and text in r]
        return Seen(holds=bool(found), question=f"{tool} returned {shown(repr(text))}",
                    evidence=self._lines(made))

    def _made(self) -> list[tuple[ToolUse, str | None]]:
        """Return every call that requests show, with the result that came back."""
        calls: dict[str, ToolUse] = {}
        results: dict[str | None, str] = {}
        for body in self.requests:
            if "input" not in body and "messages" not in body:
                continue
            conversation = parse_chat(body) if "messages" in body else parse_responses(body)
            for message in conversation.messages:
                calls |= {call.id: call for call in message.calls}
                if message.role == "tool":
                    results[message.call_id] = message.text
        return [(call, results.get(call.id)) for call in calls.values()]

    def _lines(self, made: list[tuple[ToolUse, str | None]]) -> tuple[str, ...]:
        open_calls = [name for call in self.model_calls[-1:] for name in call.tools_called]
        return (
            *numbered(f"tool calls that came back to the model ({len(made)}):", [
                f"{call_text(call.name, call.parsed)} -> "
                f"{'no result' if result is None else shown(result)}" for call, result in made
            ], "no tool call came back to the model"),
            f"model calls: {len(self.model_calls)}",
            *([f"asked for last: {', '.join(open_calls)}"] if open_calls else []),
            *([f"not answered: {self._sink.stop[1]}"] if self._sink.stop else []),
        )


@asynccontextmanager
async def _gateway() -> AsyncIterator[UnitGateway]:
    async with open_bench(ModelGateway(), ToolGateway({})) as bench:
        opened = UnitGateway(bench)
        yield opened
        opened.close()


@contextmanager
def open_gateway(session: Session) -> Iterator[UnitGateway]:
    """Serve a gateway for the duration of one test."""
    with session.background.holding(_gateway()) as opened:
        yield opened
