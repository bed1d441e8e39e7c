"""The gateway's side of HTTP: what comes in, what goes out, and errors of OpenAI's shape."""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import orjson

from agentdyno.models.upstream import Api

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest request that is read."""
TRIAL_IS_OVER = "the trial is over"
ENDED_MEANWHILE = f"{TRIAL_IS_OVER}: it ended while this call waited for its budget"

_KINDS = {
    401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error", 499: "client_closed_request",
}


class Refusal(Exception):
    """A request that is answered with an error of OpenAI's shape."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None,
        sent: bytes | None = None, retry_after_s: float | None = None, may_retry: bool = False,
        cut: bool = False,
    ) -> None:
        """
        Args:
            sent: a provider's own error body, passed on as it is.
            retry_after_s: seconds that the response asks the client to wait.
            may_retry: whether the client may try again by its own rules (`as-shipped`).
            cut: reset the connection instead of answering.
        """
        super().__init__(message)
        self.sent = sent
        self.retry_after_s = retry_after_s
        self.may_retry = may_retry
        self.cut = cut
        self.status = status
        self.message = message
        self.code = code
        self.param = param

    def body(self) -> bytes:
        """Return the response body."""
        if self.sent is not None:
            return self.sent
        return orjson.dumps(self.told())

    def told(self) -> dict[str, Any]:
        """Return the error in OpenAI's shape."""
        kind = _KINDS.get(self.status, "server_error" if self.status >= 500
                          else "invalid_request_error")
        return {"error": {
            "message": self.message, "type": kind, "param": self.param, "code": self.code,
        }}


async def read_body(receive: Receive) -> bytes:
    """Return the whole request body.

    Raises:
        Refusal: it is too large, or the client hung up before its end.
    """
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        return body
    parts, size = [], 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY:
            raise Refusal(413, f"the request body is larger than {MAX_BODY // 2**20} MiB, which "
                          "is the most that the gateway takes; send less context")
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise Refusal(499, "the client hung up while it sent the request")


async def send_whole(
    send: Send, status: int, body: bytes, kind: bytes, *,
    more: Sequence[tuple[bytes, bytes]] = (), may_retry: bool = False,
) -> None:
    """Send a response that is there as a whole; an error tells clients not to try again."""
    headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body)), *more]
    if status >= 400 and not may_retry:
        headers.append((b"x-should-retry", b"false"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def error_event(api: Api, refusal: Refusal) -> bytes:
    """Return the server-sent event that ends a stream of dialect `api` with an error."""
    told = refusal.told()
    if api == "responses":
        told = {"type": "error", "sequence_number": 0, "code": refusal.code,
                "message": refusal.message, "param": refusal.param, **told}
    return b"event: error\ndata: %b\n\n" % orjson.dumps(told)
