"""How providers of live models are reached: the rows of `--providers FILE`."""

from typing import Annotated

from pydantic import Field

from agentdyno.core.noun import Noun

ProviderName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,47}$")]

_LOCAL = frozenset((
    "", "scripted", "ollama", "vllm", "llamacpp", "llama_cpp", "llama-cpp", "llamafile",
    "lmstudio", "lm_studio", "localai", "sglang", "tgi", "mlx", "hosted_vllm",
))


def is_billed(provider: str) -> bool:
    """Tell whether `provider` sends bills.

    False for the scripted model and for servers on one's own machines. Where this is false a cost
    of None means "nobody bills"; where it is true, "unknown".
    """
    return provider.lower() not in _LOCAL


class ProviderRow(Noun):
    """How one provider is reached. Keys that are absent in a file keep their built-in value."""

    base_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    """OpenAI-compatible base URL, up to and without /chat/completions. For a built-in provider the
    variable NAME_BASE_URL changes it too, as in OPENAI_BASE_URL."""
    key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Variable that holds the API key, in the environment or in `.env`."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Further request headers; `${env:NAME}` in a value reads a variable."""
    max_concurrency: int = Field(default=16, ge=1)
    """Calls under way at this provider at once, over all trials of a run."""
    requests_per_minute: float | None = Field(default=None, gt=0)
    """Calls per minute, over all trials of a run; null is unlimited."""
    connect_timeout_s: float = Field(default=10.0, gt=0)
    """Seconds to get a connection."""
    idle_timeout_s: float = Field(default=300.0, gt=0)
    """Seconds that the provider may send nothing at all while it answers."""
    self_hosted: bool = False
    """Whether users run this server themselves: its key is optional, and goes to any address that
    a model names."""
    translator: str | None = None
    """Name of the provider in the translation library (any-llm), for one that has no
    OpenAI-compatible endpoint; null where requests are passed on byte for byte."""


class ProvidersFile(Noun):
    """A file for `--providers`."""

    providers: dict[ProviderName, ProviderRow] = Field(min_length=1)
    """Rows by the name that stands before the colon of a model; one that is built in is changed
    key by key."""
