"""What turns texts into vectors. Without one, memory is lexical."""

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Turns texts into vectors that know what words mean."""

    @property
    def id(self) -> str:
        """What made the vectors; only vectors with the same id are ever compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, all of one length.

        Raises:
            HarnessFault: the endpoint fails, so the trial says nothing about the agent.
        """
        ...
