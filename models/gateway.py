"""The model gateway: OpenAI-compatible endpoints, one base URL per trial and agent.

A raw ASGI application, since a framework around it costs more than all it does:

    POST /t/{trial}/{agent}/v1/chat/completions | responses | embeddings
    GET  /t/{trial}/{agent}/v1/models

Every error has OpenAI's shape and `x-should-retry: false`: a retry inside a framework would be a
call that nobody asked for. Why a call may be refused, in the order in which it is looked at:

    401  no bearer token              404  no such endpoint, or no such agent in this trial
    403  not a token of this trial    405  wrong method
    400  the trial is over (closed, or an instrument ended it), a limit is reached, or the
         request cannot be understood
"""

import hmac
import logging
from collections.abc import Sequence
from typing import Any

import orjson

from agentdyno.core.errors import ScriptGap
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import USER_SIMULATOR, Outcome, Retries
from agentdyno.models.answer import answer
from agentdyno.models.conversation import RequestError
from agentdyno.models.cut import cut_connection
from agentdyno.models.exchange import (
    ENDED_MEANWHILE,
    TRIAL_IS_OVER,
    Exchange,
    Guard,
    OpenTrial,
    Receive,
    Refusal,
    Scope,
    Send,
    read_body,
    send_error,
    send_whole,
    unix_now,
)
from agentdyno.models.upstream import Api, ModelRequest, Upstream, UpstreamError

_APIS: dict[str, Api] = {
    "chat/completions": "chat", "responses": "responses", "embeddings": "embeddings",
}
_CLOSED_KEPT = 4096
_JSON = b"application/json"
_log = logging.getLogger(__name__)


class ModelGateway:
    """ASGI application that answers the model calls of all open trials."""

    def __init__(self) -> None:
        self._trials: dict[str, OpenTrial] = {}
        self._closed: dict[str, str] = {}

    def open(
        self, sink: Sink, agents: Sequence[AgentSpec], upstream: Upstream, *,
        guard: Guard | None = None, retries: Retries = "uniform",
    ) -> None:
        """Answer the calls of `sink`'s trial from now on.

        Args:
            sink: where events go; its token opens the paths of this trial and of no other.
            agents: the team; other names in a path are not found.
            upstream: where the answers come from.
            guard: refuses calls that would exceed a budget.
            retries: whether errors tell frameworks not to try again.

        Raises:
            ValueError: the trial is open already.
        """
        if sink.trial_id in self._trials:
            raise ValueError(f"trial {sink.trial_id} is open already")
        self._closed.pop(sink.trial_id, None)
        self._trials[sink.trial_id] = OpenTrial(
            sink=sink, agents={spec.name: spec for spec in agents}, upstream=upstream,
            guard=guard, retries=retries,
        )

    def close(self, trial_id: str) -> None:
        """Stop answering; calls under way and later ones get 400. All events are recorded now.

        Raises:
            KeyError: the trial is not open.
        """
        trial = self._trials.pop(trial_id)
        self._closed[trial_id] = trial.sink.token
        if len(self._closed) > _CLOSED_KEPT:
            del self._closed[next(iter(self._closed))]
        for flight in tuple(trial.flights):
            flight.stop("closed")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI request."""
        if scope["type"] != "http":
            raise ValueError(f"the model gateway speaks HTTP, not {scope['type']}")
        exchange: Exchange | None = None
        try:
            headers = dict(scope["headers"])
            trial, agent, endpoint = self._admit(scope["path"], headers)
            api = _APIS.get(endpoint)
            if api is None:
                await _answer_other(scope["method"], endpoint, trial, send)
                return
            if scope["method"] != "POST":
                raise Refusal(405, f"{endpoint} takes POST, not {scope['method']}")
            exchange = Exchange(trial, agent, api, _retries(headers))
            await self._answer(exchange, receive, send)
        except Refusal as refusal:
            if exchange is not None:
                exchange.sent += [] if refusal.cut else [refusal.body()]
                exchange.record(refusal.status, refusal.message)
            if refusal.cut:
                await cut_connection(receive, send)
            elif refusal.status != 499:
                await send_error(exchange, send, refusal)
        finally:
            if exchange is not None:
                exchange.end()

    def _admit(self, path: str, headers: dict[bytes, bytes]) -> tuple[OpenTrial, str, str]:
        """Return trial, agent and endpoint of a request whose token fits its path."""
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not given.strip():
            raise Refusal(401, "no bearer token: send Authorization: Bearer TOKEN",
                          code="invalid_api_key")
        parts = path.split("/", 5)
        if len(parts) != 6 or parts[1] != "t" or parts[4] != "v1":
            raise Refusal(404, "paths are /t/TRIAL/AGENT/v1/ENDPOINT")
        trial = self._trials.get(parts[2])
        token = trial.sink.token if trial else self._closed.get(parts[2], "")
        if not hmac.compare_digest(given.strip(), token.encode()) or not token:
            raise Refusal(403, "this token does not open this trial", code="invalid_api_key")
        if trial is None:
            raise Refusal(400, TRIAL_IS_OVER)
        if parts[3] not in trial.agents:
            raise Refusal(404, f"this trial has no agent {parts[3]!r}; it has "
                          + ", ".join(trial.agents))
        return trial, parts[3], parts[5]

    async def _answer(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        exchange.request = await read_body(receive)
        sink = exchange.trial.sink
        if self._trials.get(sink.trial_id) is not exchange.trial:
            exchange.recorded = True
            raise Refusal(400, TRIAL_IS_OVER)
        if sink.stop is not None:
            raise Refusal(400, f"{TRIAL_IS_OVER}: {sink.stop[1]}")
        most = sink.limits.max_model_calls
        # The simulated user has a limit of his own, and must not use up the team's.
        if exchange.agent != USER_SIMULATOR and sink.calls("model") >= most:
            reason = f"limit of {most} model calls reached (max_model_calls)"
            sink.end(Outcome.LIMIT, reason)
            raise Refusal(400, reason, code="max_model_calls")
        exchange.ordinal = sink.ordinal("model", exchange.agent)
        try:
            body = orjson.loads(exchange.request)
            if not isinstance(body, dict):
                raise RequestError("the request body must be a JSON object")
            request = ModelRequest(
                api=exchange.api, agent=exchange.agent, agents=exchange.trial.agents,
                ordinal=exchange.ordinal, body=exchange.request, json=body,
            )
            exchange.understand(request)
            if exchange.trial.guard is not None:
                await exchange.trial.guard.admit(sink, request)
                exchange.admitted = True
                if self._trials.get(sink.trial_id) is not exchange.trial or sink.stop is not None:
                    raise Refusal(400, ENDED_MEANWHILE)
            await answer(exchange, receive, send)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, f"the request body is not JSON: {error}") from error
        except RequestError as error:
            raise Refusal(400, error.message, param=error.param) from error
        except UpstreamError as error:
            if error.ends_trial:
                sink.end(Outcome.HARNESS_FAULT, error.message)
            exchange.times = error.recorded
            if error.recorded is not None:
                exchange.source = "recorded"
            as_shipped = exchange.trial.retries == "as-shipped" and not error.ends_trial
            raise Refusal(
                error.status, error.message, sent=error.body, retry_after_s=error.retry_after_s,
                may_retry=as_shipped, cut=error.cut and as_shipped,
            ) from error
        except ScriptGap as gap:
            sink.end(Outcome.HARNESS_FAULT, str(gap))
            raise Refusal(400, gap.message, code="script_gap") from gap
        except Refusal:
            raise
        except Exception as error:
            _log.exception("the model gateway failed in trial %s", sink.trial_id)
            reason = f"the model gateway failed: {type(error).__name__}: {error}"
            sink.end(Outcome.HARNESS_FAULT, reason)
            raise Refusal(500, reason) from error


async def _answer_other(method: str, endpoint: str, trial: OpenTrial, send: Send) -> None:
    if endpoint != "models":
        raise Refusal(404, f"no endpoint {endpoint!r}; there are models, " + ", ".join(_APIS))
    if method != "GET":
        raise Refusal(405, f"models takes GET, not {method}")
    names = dict.fromkeys(spec.model for spec in trial.agents.values())
    created = unix_now()
    data: list[dict[str, Any]] = [
        {"id": name, "object": "model", "created": created, "owned_by": "agentdyno"}
        for name in names
    ]
    await send_whole(send, 200, orjson.dumps({"object": "list", "data": data}), _JSON)


def _retries(headers: dict[bytes, bytes]) -> int:
    said = headers.get(b"x-stainless-retry-count", b"0")
    return int(said) if said.isdigit() else 0
