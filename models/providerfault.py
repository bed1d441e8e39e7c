"""What a provider's refusal means: whose fault it is, whether it is worth another attempt."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from agentdyno.models.catalogue import Target
from agentdyno.models.upstream import UpstreamError

_RETRYABLE = frozenset((408, 409, 425, 429))
_NO_MODEL = re.compile(
    r"invalid model name|model_not_found|(model|deployment)\b.{0,200}\b(not found|does not exist|"
    r"not exist|unknown|not supported)", re.IGNORECASE | re.DOTALL,
)
_NO_QUOTA = re.compile(r"insufficient_quota|billing_hard_limit|credit balance", re.IGNORECASE)
_DETAIL = 400


class ProviderError(UpstreamError):
    """A provider itself did not answer, as opposed to a fault that was injected."""


def refusal(
    target: Target, status: int, headers: Mapping[str, str], body: bytes
) -> ProviderError:
    """Return the error for a response that is none of 2xx.

    A wrong key, an unknown model and an empty account end the trial: they say nothing about the
    agent.
    """
    text = target.scrubbed(body.decode(errors="replace"))
    detail = _detail(text)
    if status == 401 or "no_db_connection" in text:  # LiteLLM's word for an unknown key
        return _ends(401, _wrong_key(target))
    if status == 403:
        return _ends(403, f"{target.label}: {target.place} denies this key access: {detail}. "
                     f"Look at what the key in {_key_name(target)} may do.")
    if status == 404 or (status == 400 and _NO_MODEL.search(text)):
        return _ends(404, f"{target.label}: {target.place} knows no model {target.model!r}, or "
                     f"this is not its base URL: {detail}. Next: {_doctor(target)}")
    if status == 429 and _NO_QUOTA.search(text):
        return _ends(429, f"{target.label}: the account at {target.place} has nothing left to "
                     f"spend: {detail}")
    return ProviderError(
        status, f"{target.label}: {target.place} answered {status}: {detail}",
        body=text.encode() if _is_json(text) else None, retry_after_s=_retry_after(headers),
        retryable=_may_retry(status, headers),
    )


def unreachable(target: Target, reason: str) -> ProviderError:
    """Return the error for a provider that nobody can connect to."""
    own = "start that server, or correct its address" if target.row.self_hosted else (
        "look at this machine's network and at the provider's status page"
    )
    return ProviderError(
        502, f"{target.label}: {target.place} cannot be reached ({target.scrubbed(reason)}); the "
        f"agent is not to blame: {own}. Next: {_doctor(target)}",
        retryable=True, reached=False, cut=True,
    )


def silent(target: Target, seconds: float) -> ProviderError:
    """Return the error for a provider that sends nothing any more."""
    return ProviderError(
        504, f"{target.label}: {target.place} sent nothing for {seconds:g} s",
        retryable=True, reached=False, cut=True,
    )


def broken_off(target: Target, reason: str, *, reached: bool = True) -> ProviderError:
    """Return the error for an answer that ends too early."""
    return ProviderError(
        502, f"{target.label}: {target.place} broke off its answer ({target.scrubbed(reason)})",
        retryable=True, reached=reached, cut=True,
    )


def _ends(status: int, message: str) -> ProviderError:
    return ProviderError(status, message, ends_trial=True)


def _wrong_key(target: Target) -> str:
    if target.key is None:
        how = (
            f"put one into {target.key_env}" if target.key_env
            else "name the variable that holds it by `key_env` in the scenario's `models`"
        )
        return f"{target.label}: {target.place} wants an API key, and none was sent: {how}."
    return (
        f"{target.label}: {target.place} refuses the API key in {target.key_env}. Correct "
        f"{target.key_env}. Next: {_doctor(target)}"
    )


def _key_name(target: Target) -> str:
    return target.key_env or "(none was sent)"


def _doctor(target: Target) -> str:
    return f"agentdyno doctor --model {target.typed}"


def _detail(text: str) -> str:
    """Return what a provider says went wrong, from whichever shape its error has."""
    try:
        found: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = text
    if isinstance(found, list) and found:
        found = found[0]
    for key in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(key):
            found = found[key]
    words = found if isinstance(found, str) else orjson.dumps(found).decode()
    return " ".join(words.split())[:_DETAIL] or "no reason given"


def _is_json(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _may_retry(status: int, headers: Mapping[str, str]) -> bool:
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    return status in _RETRYABLE or status >= 500


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the provider asks to wait: as milliseconds, seconds or a date."""
    text = headers.get("retry-after", "")
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        return max(0.0, float(text)) if text else None
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        # Neither a number nor a date: as if it had said nothing.
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
