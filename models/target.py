"""A request that knows whom it is for."""

from dataclasses import dataclass

from agentdyno.models.catalogue import Target
from agentdyno.models.upstream import Answered, ModelRequest, Upstream


@dataclass(frozen=True, kw_only=True)
class TargetedRequest(ModelRequest):
    """One request on its way to one model of one provider."""

    target: Target


@dataclass(frozen=True, kw_only=True)
class Aimed:
    """An upstream whose requests all go to one target; `inner` is shared by all targets."""

    inner: Upstream
    target: Target

    async def answer(self, request: ModelRequest) -> Answered:
        """Answer one request. See `Upstream.answer`."""
        return await self.inner.answer(TargetedRequest(
            api=request.api, agent=request.agent, agents=request.agents, ordinal=request.ordinal,
            body=request.body, json=request.json, target=self.target,
        ))
