"""What a proposing model answers: read, and refused in words where it does not do."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

from pydantic import Field, JsonValue, ValidationError

from agentdyno.core.noun import Noun
from agentdyno.core.override import AgentOverride
from agentdyno.core.pattern import Pattern
from agentdyno.core.promotion import STANDING
from agentdyno.core.spec import Name
from agentdyno.core.variant import ALL, BASELINE, Variant
from agentdyno.core.yamlproblem import problem_text

_FENCE = re.compile(r"```(?:json)?[ \t]*\r?\n(.*?)\n[ \t]*```", re.DOTALL)


class ProposedAgent(Noun):
    """What may be proposed for an agent: words, never tools, models or risks."""

    append: str | None = Field(default=None, min_length=1)
    instructions: str | None = Field(default=None, min_length=1)
    role: str | None = Field(default=None, min_length=1)
    goal: str | None = Field(default=None, min_length=1)


class ProposedVariant(Noun):
    """One proposal."""

    name: Name
    title: str = Field(min_length=1, max_length=200)
    why: str = Field(default="", max_length=4000)
    agents: dict[Name, ProposedAgent] = Field(default_factory=dict)
    pattern: Pattern | None = None


class Proposals(Noun):
    """The whole answer."""

    variants: Annotated[tuple[ProposedVariant, ...], Field(min_length=1)]


class Unusable(Exception):
    """An answer cannot be used; `problems` says why."""

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def read_answer(text: str, *, taken: Collection[str], most: int) -> Proposals:
    """Return the proposals in a model's answer.

    Args:
        text: the answer; a JSON object, also in a block or between other words.
        taken: names that variants have already.
        most: proposals that there may be.

    Raises:
        Unusable: it holds none, or they are wrong; with every problem.
    """
    data = _json_in(text)
    try:
        found = Proposals.model_validate(data)
    except ValidationError as error:
        schema = Proposals.model_json_schema()
        raise Unusable(*(
            f"{'.'.join(map(str, path)) or 'the answer'}: {message}"
            for path, message in (
                problem_text(schema, data, item) for item in error.errors(include_url=False)
            )
        )) from error
    problems = [*_wrong_names(found.variants, taken)]
    if len(found.variants) > most:
        problems.append(f"{len(found.variants)} variants are more than the {most} asked for")
    problems += [
        f"{one.name}: it changes nothing" for one in found.variants
        if not one.pattern and not any(given.model_fields_set for given in one.agents.values())
    ]
    if problems:
        raise Unusable(*problems)
    return found


def variant_of(
    proposed: ProposedVariant, base: Variant, prompts: Mapping[str, str]
) -> Variant:
    """Return a proposal as a variant of the scenario.

    Args:
        proposed: what changes in the variant that failed.
        base: that variant.
        prompts: its instructions by agent, before any template was rendered.
    """
    agents = dict(base.agents)
    every = base.every_agent is not None and base.every_agent.append is not None
    references = dict(base.prompts)
    for name, given in proposed.agents.items():
        before = agents.get(name, AgentOverride())
        worded = every or name in references or bool(before.instructions or before.append)
        changes = given.model_dump(exclude_unset=True, exclude_none=True)
        if "append" in changes and worded:
            # Two texts cannot be appended to one prompt, so the whole of it is written down.
            text = changes.get("instructions", prompts.get(name, ""))
            changes["instructions"] = f"{text}\n\n{changes.pop('append')}"
        if "instructions" in changes:
            references.pop(name, None)
            before = AgentOverride.model_validate(
                before.model_dump(exclude_unset=True, exclude={"append"})
            )
        agents[name] = before.model_copy(update=changes)
    changed: dict[str, object] = {"title": proposed.title, "agents": agents}
    if references != base.prompts:
        changed["prompts"] = references
    if proposed.pattern is not None:
        changed["pattern"] = proposed.pattern
    return base.model_copy(update=changed)


def _json_in(text: str) -> JsonValue:
    candidates = [text.strip(), *(block.strip() for block in _FENCE.findall(text))]
    begin, end = text.find("{"), text.rfind("}")
    if 0 <= begin < end:
        candidates.append(text[begin: end + 1])
    for candidate in candidates:
        try:
            found: JsonValue = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            return found
    raise Unusable("there is no JSON object in the answer")


def _wrong_names(variants: Sequence[ProposedVariant], taken: Collection[str]) -> list[str]:
    names = [one.name for one in variants]
    reserved = {BASELINE, ALL, *STANDING}
    return [
        *(f"{name}: there is a variant of that name already" for name in names if name in taken),
        *(f"{name}: this name means something else" for name in names if name in reserved),
        *(f"{name}: two variants have that name"
          for name in sorted({name for name in names if names.count(name) > 1})),
    ]
