"""The library of archetypes: `archetypes/NAME.yaml` and its prompt `archetypes/NAME.md`."""

from dataclasses import dataclass
from pathlib import Path

from agentdyno.core.errors import UsageError
from agentdyno.core.scenario import ArchetypeFile
from agentdyno.core.yamlfile import load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest

BUILT_IN = Path(__file__).parent / "archetypes"


@dataclass(frozen=True, kw_only=True)
class Archetype:
    """A shared definition that agents are made from."""

    name: str
    definition: ArchetypeFile
    instructions: str
    """System prompt: Markdown with Jinja variables, not rendered yet."""


class AgentLibrary:
    """The archetypes in one folder."""

    def __init__(self, folder: Path = BUILT_IN) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Return the names of all archetypes, in alphabetical order."""
        return tuple(sorted(path.stem for path in self.folder.glob("*.yaml")))

    def get(self, name: str) -> Archetype:
        """Return archetype `name`.

        Raises:
            UsageError: there is none of that name.
            InputError: its files hold problems.
        """
        if name not in self.names():
            raise UsageError(
                f"there is no archetype {name!r}{nearest(name, self.names())}; "
                f"there are {', '.join(self.names())}",
                "agentdyno agent list",
            )
        path = self.folder / f"{name}.yaml"
        document = load_yaml(path, f"agents/{self.folder.name}/{path.name}")
        prompt = path.with_suffix(".md")
        missing = [] if prompt.is_file() else [
            document.problem((), f"the prompt {prompt.name} is not beside it")
        ]
        definition = validate_model(document, ArchetypeFile, extra_problems=missing)
        return Archetype(
            name=name, definition=definition, instructions=prompt.read_text(encoding="utf-8")
        )
