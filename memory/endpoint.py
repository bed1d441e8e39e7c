"""Embeddings from any OpenAI-compatible endpoint."""

from collections.abc import Sequence
from typing import Any

import httpx2

from agentdyno.core.errors import HarnessFault

_BATCH = 128


class EndpointEmbedder:
    """An OpenAI-compatible `/v1/embeddings` endpoint."""

    def __init__(
        self, base_url: str, model: str, *, api_key: str = "", timeout_s: float = 30.0
    ) -> None:
        """Use `model` at `base_url`, which ends in /v1; `api_key` is sent as a bearer token."""
        self._base_url = base_url.rstrip("/")
        self._model = model
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        # One client for the run: making one costs 20 ms of CPU for its TLS context.
        self._client = httpx2.AsyncClient(headers=headers, timeout=timeout_s)

    @property
    def id(self) -> str:
        """Model and endpoint."""
        return f"{self._model} at {self._base_url}"

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text, in requests of at most 128 texts.

        Raises:
            HarnessFault: the endpoint cannot be reached, refuses, or answers something else.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            part = list(texts[start:start + _BATCH])
            vectors += self._vectors(await self._post(part), len(part))
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, texts: list[str]) -> Any:
        try:
            response = await self._client.post(
                f"{self._base_url}/embeddings", json={"model": self._model, "input": texts}
            )
            response.raise_for_status()
            return response.json()
        except httpx2.HTTPStatusError as error:
            answer = error.response.text[:200]
            raise self._fault(f"status {error.response.status_code}: {answer}") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise self._fault(str(error) or type(error).__name__) from error

    def _vectors(self, answer: Any, count: int) -> list[list[float]]:
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            vectors = [[float(x) for x in row["embedding"]] for row in rows]
        except (KeyError, TypeError, ValueError) as error:
            raise self._fault("the answer has no data[].embedding") from error
        if len(vectors) != count or len({len(vector) for vector in vectors}) != 1:
            raise self._fault(f"{len(vectors)} vectors of mixed length for {count} texts")
        return vectors

    def _fault(self, reason: str) -> HarnessFault:
        return HarnessFault(
            f"The embedding endpoint {self._base_url} (model {self._model}) failed: {reason}",
            "check the endpoint and its key, or leave it out to use lexical memory",
        )
