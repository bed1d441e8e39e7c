"""Calculator: arithmetic over a syntax tree, bounded in length and in the size of every value."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

MAX_CHARS = 500
MAX_BITS = 4096
"""Largest integer that any step may produce."""

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos, ast.USub: operator.neg
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "log": math.log, "exp": math.exp, "round": round,
    "min": min, "max": max, "abs": abs,
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def evaluate(_: State, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the value of an expression."""
    text: str = arguments["expression"]
    if len(text) > MAX_CHARS:
        raise ToolError(f"evaluate: {len(text)} characters are more than {MAX_CHARS}.")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return {"expression": text, "value": _value(tree.body)}
    except SyntaxError as error:
        raise ToolError(f"evaluate: {text!r} is not an expression: {error.msg}.") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ToolError(f"evaluate: {text!r} has no value: {error}.") from None


def _value(node: ast.expr) -> int | float:
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            return _bounded(value)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _bounded(_UNARY[type(sign)](_value(operand)))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _binary(sign, _value(left), _value(right))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, args)))
    raise ToolError(
        f"evaluate: {ast.unparse(node)!r} is not allowed. Use numbers, + - * / // % **, "
        f"parentheses, {', '.join(_FUNCTIONS)}, pi and e."
    )


def _binary(sign: ast.operator, left: int | float, right: int | float) -> int | float:
    # An integer power is bounded before it is computed: afterwards would be too late.
    if (
        isinstance(sign, ast.Pow) and isinstance(left, int) and isinstance(right, int)
        and left.bit_length() * abs(right) > MAX_BITS
    ):
        raise ToolError(f"evaluate: {left} ** {right} is too large.")
    return _bounded(_BINARY[type(sign)](left, right))


def _bounded(value: Any) -> int | float:
    if isinstance(value, int) and value.bit_length() <= MAX_BITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise ToolError("evaluate: a step gives a value that is too large or not a real number.")


TOOLS = (
    Tool(
        name="evaluate", run=evaluate,
        description="Evaluate an arithmetic expression: + - * / // % **, parentheses, sqrt, log, "
        "exp, round, min, max, abs, pi, e.",
        parameters={"expression": {"type": "string", "description": "Such as (1.5 - 1) / 4 * 100"}},
    ),
)

if __name__ == "__main__":
    ToolProcess("calculator", TOOLS).serve()
