"""JSON-RPC bodies. The standard library's json, because it keeps integers of any size exact."""

import json
import math
from typing import Any, NoReturn

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
TRIAL_OVER = -32001
UNSUPPORTED_VERSION = -32022


class RpcError(Exception):
    """The peer answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is too large")
    return value


# Made once: json.loads and json.dumps make new ones at every call with options.
_decode = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite).decode
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def loads(body: bytes) -> Any:
    """Parse JSON; raises ValueError, also for NaN and for numbers that no float can hold."""
    return _decode(body.decode())


def dumps(value: Any) -> bytes:
    """Serialise without spaces; raises ValueError for infinities and for lone surrogates."""
    return _encode(value).encode()


def request(ident: int, method: str, params: dict[str, Any]) -> bytes:
    """Return one request as a line."""
    return dumps({"jsonrpc": "2.0", "id": ident, "method": method, "params": params}) + b"\n"


def notification(method: str, params: dict[str, Any]) -> bytes:
    """Return one notification as a line."""
    return dumps({"jsonrpc": "2.0", "method": method, "params": params}) + b"\n"


def error(ident: Any, code: int, message: str, data: Any = None) -> bytes:
    """Return an error response."""
    body: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        body["data"] = data
    return dumps({"jsonrpc": "2.0", "id": ident, "error": body})
