"""Where answers come from: the scripted model now, live providers and cassettes behind the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agentdyno.core.spec import AgentSpec
from agentdyno.models.conversation import Conversation, Reply
from agentdyno.models.embeddings import EmbeddingRequest, Embeddings


class UpstreamError(Exception):
    """The model itself answers with an error; the framework sees `status` and `message`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One request as an upstream sees it."""

    agent: str
    """Agent in the path of the request."""
    agents: Mapping[str, AgentSpec]
    """The whole team, by name."""
    ordinal: int
    """Number of this call among the agent's calls, from 0; only good for making identifiers."""
    conversation: Conversation
    body: bytes
    """The request as it was received."""


class Upstream(Protocol):
    """One trial's source of answers."""

    async def reply(self, request: ModelRequest) -> Reply:
        """Answer one request.

        Raises:
            UpstreamError: the model answers with an error.
            ScriptGap: the scripted model has no rule; the trial ends as a harness fault.
        """
        ...

    async def embed(self, request: EmbeddingRequest) -> Embeddings:
        """Return one vector per text; raises like `reply`."""
        ...
