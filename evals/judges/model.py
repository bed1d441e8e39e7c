"""The judge's model as DeepEval sees it; import it only after `library.load()`.

Whatever a metric asks goes to `Ask`, which is a model gateway: DeepEval's own clients, with their
retries and keys, are never made.
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from deepeval.models import DeepEvalBaseLLM
from pydantic import BaseModel, ValidationError

from agentdyno.evals.finding import excerpt
from agentdyno.evals.judges.faults import JudgeFault

Chat = Sequence[dict[str, str]]
Ask = Callable[[Chat], Awaitable[str]]
"""Sends messages to the judge's model and returns its text; raises `JudgeFault`."""

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_AGAIN = (
    "That cannot be used: {problem}. Answer again with nothing but one JSON object that satisfies "
    "this JSON Schema: {schema}"
)


class JudgeModel(DeepEvalBaseLLM):  # type: ignore[misc]
    """One measurement's model: answers in the schema that a metric asks for, asked at most once
    more in all."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.retries = 0
        super().__init__("agentdyno-judge")

    def load_model(self) -> "JudgeModel":
        """Return itself: the model is behind the gateway."""
        return self

    def get_model_name(self) -> str:
        """Return the name that a metric shows; the model's real name is in the events."""
        return "agentdyno-judge"

    def generate(self, *args: Any, **kwargs: Any) -> str:
        """Refuse: a synchronous call would block every trial that runs."""
        raise JudgeFault("this metric asks in a way that would stop the harness")

    async def a_generate_with_schema(
        self, prompt: str, *, schema: type[BaseModel] | None = None, **kwargs: Any
    ) -> Any:
        """Answer `prompt`; see `a_generate`."""
        return await self.a_generate(prompt, schema)

    async def a_generate(
        self, prompt: str, schema: type[BaseModel] | None = None, **kwargs: Any
    ) -> Any:
        """Return the text, or an instance of `schema` where one is asked for.

        Raises:
            JudgeFault: there is no answer, or none that fits, after one retry per measurement.
        """
        chat: list[dict[str, str]] = [{"role": "user", "content": prompt}]
        text = await self._ask(chat)
        if schema is None:
            return text
        found = _read(text, schema)
        if isinstance(found, str):
            self.again(f"garbage: {found} in {excerpt(text)}")
            told = _AGAIN.format(problem=found, schema=json.dumps(schema.model_json_schema()))
            chat += [{"role": "assistant", "content": text.strip() or "(nothing)"},
                     {"role": "user", "content": told}]
            text = await self._ask(chat)
            found = _read(text, schema)
        if isinstance(found, str):
            raise JudgeFault(f"the judge answered garbage twice: {found} in {excerpt(text)}")
        return found

    def again(self, why: str) -> None:
        """Take the one retry of this measurement; raises `JudgeFault` when it is taken."""
        if self.retries:
            raise JudgeFault(f"the judge answered garbage twice: {why}")
        self.retries += 1


def _read(text: str, schema: type[BaseModel]) -> BaseModel | str:
    """Return what a text says in `schema`, or why it does not say that."""
    fenced = _FENCED.findall(text)
    inner = fenced[-1] if fenced else text
    start, end = inner.find("{"), inner.rfind("}")
    if start < 0 or end < start:
        return "no JSON object"
    try:
        return schema.model_validate(json.loads(inner[start:end + 1]))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else str(first["msg"])
    except ValueError as error:
        return f"no JSON ({error})"
