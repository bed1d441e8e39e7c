"""A prompt registry in memory, which can fall silent in the middle of its work."""

from collections.abc import Mapping, Sequence

from agentdyno.experiments.prompts.answers import Answered
from agentdyno.experiments.prompts.registry import RegistryAway
from agentdyno.scenarios.digest import text_digest


class MemoryRegistry:
    """Keeps prompts as MLflow does; `moves_left` aliases can be moved before it falls silent."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.moves_left = 1_000_000
        self.asked = 0

    async def __aenter__(self) -> "MemoryRegistry":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def find(self, wanted: Sequence[tuple[str, int | str]]) -> list[Answered | None]:
        self.asked += 1
        return [self._one(name, key) for name, key in wanted]

    async def register(self, texts: Mapping[str, str], note: str = "") -> dict[str, Answered]:
        for name, text in texts.items():
            kept = self.texts.setdefault(name, [])
            if text not in kept:
                kept.append(text)
        found = {
            name: self._one(name, self.texts[name].index(text) + 1) for name, text in texts.items()
        }
        return {name: one for name, one in found.items() if one is not None}

    async def point(self, alias: str, versions: Mapping[str, int | None]) -> None:
        for name, version in versions.items():
            if self.moves_left == 0:
                raise RegistryAway("the prompt registry was cut off.")
            self.moves_left -= 1
            self.aliases.pop((name, alias), None)
            if version is not None:
                self.aliases[name, alias] = version

    def _one(self, name: str, key: int | str) -> Answered | None:
        version = self.aliases.get((name, key)) if isinstance(key, str) else key
        kept = self.texts.get(name, [])
        if version is None or version > len(kept):
            return None
        text = kept[version - 1]
        return Answered(
            name=name, version=version, text=text, sha256=text_digest(text),
            aliases=tuple(a for (n, a), at in self.aliases.items() if (n, at) == (name, version)),
        )


class AbsentRegistry:
    """A registry that cannot be reached."""

    async def find(self, wanted: Sequence[tuple[str, int | str]]) -> list[Answered | None]:
        raise RegistryAway("the prompt registry is away.")

    async def register(self, texts: Mapping[str, str], note: str = "") -> dict[str, Answered]:
        raise RegistryAway("the prompt registry is away.")

    async def point(self, alias: str, versions: Mapping[str, int | None]) -> None:
        raise RegistryAway("the prompt registry is away.")
