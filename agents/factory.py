"""Makes agents: archetype, then the scenario's changes, then the variant's; templates rendered."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from agentdyno.agents.library import AgentLibrary
from agentdyno.agents.template import TemplateFault, render
from agentdyno.core.errors import UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.spec import AgentSpec

_SETTINGS = (
    "tools", "memory", "temperature", "tool_choice", "parallel_tool_calls", "max_turns",
    "risk_threshold",
)
_REQUIRED = ("role", "goal", "instructions")


class AgentFault(UsageError):
    """An agent cannot be made; `part` is the key that is missing or wrong."""

    def __init__(self, part: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.part = part


class AgentFactory:
    """Creates `AgentSpec`s in code:

    >>> AgentFactory().create("writer", tools=["mailbox.*"], max_turns=4).name
    'writer'
    """

    def __init__(self, library: AgentLibrary | None = None) -> None:
        self.library = library or AgentLibrary()

    def create(
        self,
        archetype: str | None = None,
        *,
        name: str | None = None,
        vars: Mapping[str, Any] | None = None,
        team: Sequence[str] = (),
        **changes: Any,
    ) -> AgentSpec:
        """Return one agent.

        Args:
            archetype: name in the library; without it `changes` must give role, goal, instructions.
            name: name of the agent; the archetype's when absent.
            vars: variables of the templates.
            team: names of all agents that work together, in order; for the prompt.
            changes: any key of `AgentOverride`.

        Raises:
            AgentFault: something required is missing, or a template fails.
            UsageError: unknown archetype.
            pydantic.ValidationError: `changes` holds an unknown key or a wrong value.
        """
        own = name or archetype
        if own is None:
            raise UsageError("an agent without an archetype needs a name", "pass name=...")
        override = AgentOverride(extends=archetype, **changes)
        return self.resolve(own, [override], vars=vars or {}, team=team or (own,))

    def resolve(
        self,
        name: str,
        overrides: Sequence[AgentOverride],
        *,
        vars: Mapping[str, Any],
        team: Sequence[str],
        servers: Collection[str] | None = None,
        verbatim: bool = False,
    ) -> AgentSpec:
        """Return the agent that `overrides` make, applied in order; a later one wins.

        Args:
            servers: tool servers that exist. An archetype's default tools of other servers are
                left out; tools that an override names are kept as they are. None: all exist.
            verbatim: whether texts are no templates. Those of an archetype always are.

        Raises:
            AgentFault, UsageError: see `create`.
        """
        values = self._merged(name, overrides, servers)
        context = {"team": list(team), **vars, "name": name}
        for part in _REQUIRED:
            if not values.get(part):
                hint = f"give it {part}, or let it extend one of {', '.join(self.library.names())}"
                raise AgentFault(part, f"agent {name!r} has no {part}", hint)
            if part == "instructions":
                context["tools"] = values.get("tools", ())
                context["memory"] = values.get("memory", "none")
            given = verbatim and any(getattr(override, part) for override in overrides)
            try:
                values[part] = values[part] if given else render(values[part], context)
                context[part] = values[part]
            except TemplateFault as fault:
                message = f"agent {name!r}: {part}: {fault}"
                raise AgentFault(part, message, "check the variables") from fault
        return AgentSpec(name=name, **values)

    def prompt(
        self, overrides: Sequence[AgentOverride], servers: Collection[str] | None = None
    ) -> str:
        """Return the instructions that `overrides` make, before their templates are rendered; ""
        where there are none."""
        return str(self._merged("", overrides, servers).get("instructions") or "")

    def _merged(
        self, name: str, overrides: Sequence[AgentOverride], servers: Collection[str] | None
    ) -> dict[str, Any]:
        base = next((o.extends for o in reversed(overrides) if o.extends is not None), None)
        values = self._archetype(base, servers) if base is not None else {}
        for override in overrides:
            given = override.model_dump(exclude_unset=True, exclude={"extends", "append"})
            values |= {k: v for k, v in given.items() if v is not None or k == "temperature"}
            if override.append:
                values["instructions"] = f"{values.get('instructions', '')}\n\n{override.append}"
        return values

    def _archetype(self, name: str, servers: Collection[str] | None) -> dict[str, Any]:
        archetype = self.library.get(name)
        definition = archetype.definition
        values = {key: getattr(definition, key) for key in _SETTINGS}
        if servers is not None:
            values["tools"] = tuple(
                tool for tool in definition.tools if tool.partition(".")[0] in servers
            )
        return values | {
            "role": definition.role, "goal": definition.goal,
            "instructions": archetype.instructions,
        }
