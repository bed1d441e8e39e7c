"""Settings of one invocation: built in `cli/`, passed down; nobody else reads the environment."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from agentdyno.core.noun import Noun


class Settings(Noun):
    """Where things are kept and how the harness reaches its database."""

    cache: Path
    """Folder for environments, the embedded database and spooled results (AGENTDYNO_CACHE)."""
    database_url: SecretStr | None = None
    """PostgreSQL address (AGENTDYNO_DATABASE_URL); null for the embedded server."""
    embeddings_url: str | None = None
    """Base URL of an OpenAI-compatible embedding endpoint, ending in /v1
    (AGENTDYNO_EMBEDDINGS_URL); null keeps the memory lexical."""
    embeddings_model: str | None = None
    """Model asked for there (AGENTDYNO_EMBEDDINGS_MODEL)."""
    embeddings_key: SecretStr | None = None
    """Its bearer token (AGENTDYNO_EMBEDDINGS_KEY)."""


class RunOptions(Noun):
    """What `agentdyno run` was asked to do."""

    scenarios: tuple[str, ...]
    """Names or paths, in the order given."""
    runners: tuple[str, ...]
    """Names, each with an optional `@version`."""
    trials: int = Field(default=3, ge=1)
    """Repeats of each cell."""
    seed: int = 0
    """Seed of every seeded chance; repeat k uses a seed derived from it."""
    concurrency: int = Field(default=4, ge=1)
    """Trials running at once, over all runners."""
    timeout_s: float | None = Field(default=None, gt=0)
    """Overrides the scenario's limit, in seconds."""
    stream: bool = False
    """Ask for streamed responses."""
    fresh: bool = False
    """Run even what is stored already."""
    isolation: Literal["worker", "inprocess"] = "worker"
    """Where the framework runs."""
