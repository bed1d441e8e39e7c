"""JSON-RPC bodies. The standard library's json, because it keeps integers of any size exact."""

import json
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


def loads(body: bytes | str) -> Any:
    """Parse JSON; raises ValueError, also for NaN and the infinities, which are not JSON."""
    return json.loads(body, parse_constant=_refuse)


def dumps(value: Any) -> bytes:
    """Serialise without spaces; raises ValueError for infinities and for lone surrogates."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


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


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
