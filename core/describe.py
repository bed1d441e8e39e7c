"""JSON Schemas of nouns, with the docstrings under their fields as descriptions."""

import ast
import inspect
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

from pydantic import BaseModel

from agentdyno.core.noun import Noun


def described_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of `model`; every field that has a docstring has a description."""
    schema = model.model_json_schema()
    nouns = {noun.__name__: noun for noun in _nouns(Noun)}
    for name, part in {model.__name__: schema, **schema.get("$defs", {})}.items():
        if name in nouns:
            for field, text in _docstrings(nouns[name]).items():
                if field in part.get("properties", {}):
                    part["properties"][field].setdefault("description", text)
    return schema


def _nouns(base: type[Noun]) -> Iterator[type[Noun]]:
    for noun in base.__subclasses__():
        yield noun
        yield from _nouns(noun)


def _docstrings(noun: type[Noun]) -> dict[str, str]:
    """Return the text under each field of `noun` and of the nouns that it derives from."""
    found: dict[str, str] = {}
    for owner in reversed(noun.__mro__):
        if issubclass(owner, Noun) and owner is not Noun:
            found |= _of_class(owner)
    return found


def _of_class(owner: type) -> dict[str, str]:
    (body,) = ast.parse(dedent(inspect.getsource(owner))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str() as text)),
            ):
                found[name] = inspect.cleandoc(text)
    return found
