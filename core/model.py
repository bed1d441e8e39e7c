"""Which model an agent speaks with: `provider:name`, as users know it."""

import re
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, Tag

from agentdyno.core.noun import Noun

_ADDRESS = re.compile(r"@(?=https?://)")

MODEL_NAME = r"^[a-z][a-z0-9_.-]*:[^\s]+$"
"""`provider:name`, optionally `@` and the base URL of a server of one's own."""


class ModelChoice(Noun):
    """One model, where it is asked, and which one stands in for it."""

    model: str = Field(pattern=MODEL_NAME)
    """`provider:name`; `@http://host:port/v1` behind it says where, as `base_url` does."""
    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """Base URL instead of the provider's own. The provider's key is not sent there unless the
    provider is one that users run themselves (vllm, litellm, ...) or `key_env` names the key."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable of the API key, instead of the provider's own."""
    fallback: "str | ModelChoice | None" = None
    """Model that is asked when this one fails: an alias in `models`, or `provider:name`."""
    fallback_after: int = Field(default=3, ge=1, le=20)
    """Failed attempts of one call after which the fallback is asked."""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the choice that `provider:name` or `provider:name@URL` stands for.

        Raises:
            ValidationError: it is neither.
        """
        return cls(model=text)

    @property
    def provider(self) -> str:
        """Return the part before the colon."""
        return self.model.partition(":")[0]

    @property
    def name(self) -> str:
        """Return the model's name at its provider."""
        return _ADDRESS.split(self.model.partition(":")[2], maxsplit=1)[0]

    @property
    def address(self) -> str | None:
        """Return the base URL that this choice itself names, without a slash at its end."""
        parts = _ADDRESS.split(self.model, maxsplit=1)
        address = self.base_url or (parts[1] if len(parts) == 2 else None)
        return address.rstrip("/") if address else None

    @property
    def label(self) -> str:
        """Return `provider:name`."""
        return f"{self.provider}:{self.name}"


def _kind(value: Any) -> str:
    return "as_text" if isinstance(value, str) else "as_mapping"


ModelEntry = Annotated[
    Annotated[str, Field(pattern=MODEL_NAME), Tag("as_text")]
    | Annotated[ModelChoice, Tag("as_mapping")],
    Discriminator(_kind),
]
"""One entry of `models:`, `provider:name` or a mapping."""
