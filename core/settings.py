"""Settings of one invocation: built in `cli/`, passed down; nobody else reads the environment."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from agentdyno.core.approval import ApproverKind
from agentdyno.core.errors import UsageError
from agentdyno.core.noun import Noun
from agentdyno.core.trial import Retries


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Return where what can be made again is kept; None when `environ` names no place at all."""
    base = environ.get("XDG_CACHE_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.cache")
    cache = environ.get("AGENTDYNO_CACHE") or (base and f"{base}/agentdyno")
    return Path(cache).expanduser().absolute() if cache else None


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
    mlflow: bool = True
    """Whether runs are exported to MLflow (AGENTDYNO_MLFLOW=off: they are not)."""
    mlflow_uri: str | None = None
    """MLflow's tracking address (MLFLOW_TRACKING_URI); null for a database of its own."""
    otlp_endpoint: str | None = None
    """Base URL of an OpenTelemetry collector that runs are exported to as well
    (OTEL_EXPORTER_OTLP_ENDPOINT)."""
    environment: dict[str, str] = Field(default_factory=dict, repr=False)
    """The process's environment, where providers' keys are looked up by name."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that `environ` makes.

    Raises:
        UsageError: neither HOME nor AGENTDYNO_CACHE says where to keep things, or variables that
            do not go together.
    """
    cache = cache_folder(environ)
    if cache is None:
        raise UsageError(
            "neither HOME nor AGENTDYNO_CACHE is set, so there is no place for environments.",
            "AGENTDYNO_CACHE=/some/folder agentdyno ...",
        )
    url, key = (
        environ.get(name) for name in ("AGENTDYNO_DATABASE_URL", "AGENTDYNO_EMBEDDINGS_KEY")
    )
    embeddings, model = (
        environ.get(f"AGENTDYNO_EMBEDDINGS_{part}") or None for part in ("URL", "MODEL")
    )
    if bool(embeddings) != bool(model):
        raise UsageError(
            "AGENTDYNO_EMBEDDINGS_URL and AGENTDYNO_EMBEDDINGS_MODEL are only of use together.",
            "set both, or neither for a lexical memory",
        )
    return Settings(
        cache=cache,
        database_url=SecretStr(url) if url else None,
        embeddings_url=embeddings,
        embeddings_model=model,
        embeddings_key=SecretStr(key) if key else None,
        mlflow=_switch(environ, "AGENTDYNO_MLFLOW"),
        mlflow_uri=environ.get("MLFLOW_TRACKING_URI") or None,
        otlp_endpoint=environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        environment=dict(environ),
    )


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name, "on").lower()
    if value not in ("on", "off"):
        raise UsageError(f"{name}={environ[name]}: neither `on` nor `off`.", f"unset {name}")
    return value == "on"


class Budget(Noun):
    """What may be spent; null is unlimited."""

    calls: int | None = Field(default=None, ge=1)
    """Model calls."""
    tokens: int | None = Field(default=None, ge=1)
    """Prompt and completion tokens together."""
    cost_usd: float | None = Field(default=None, gt=0)
    """US dollars."""
    wall_s: float | None = Field(default=None, gt=0)
    """Wall seconds."""


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
    model: Literal["scripted", "live", "record", "replay"] = "scripted"
    """Where answers come from."""
    llm: str | None = None
    """Model of every agent that names none, as `provider:name`."""
    providers: Path | None = None
    """YAML file of further providers and of limits."""
    env_file: Path | None = None
    """File of API keys, in the form of `.env`; the environment itself wins."""
    cassettes: Path = Path("cassettes")
    """Folder of the recordings."""
    on_miss: Literal["fail", "live"] = "fail"
    """What a request does that is not on the cassette."""
    fork_at: int | None = Field(default=None, ge=0)
    """Replay this many model calls of each trial, then go live."""
    pace: Literal["fast", "recorded"] = "fast"
    """Whether a replay answers at once or as slowly as the provider did."""
    tools: Literal["live", "replay"] = "live"
    """Where tool results come from."""
    retries: Retries = "uniform"
    """Retry profile."""
    faults: Path | None = None
    """YAML file of a fault plan, instead of the scenario's own."""
    trial_budget: Budget = Budget()
    """For each trial, beside the scenario's limits."""
    matrix_budget: Budget = Budget()
    """For the whole run."""
    day_budget: Budget = Budget()
    """For all runs of one UTC day on this database."""
    ask_at_90: bool = False
    """Ask on the terminal before a budget goes beyond 90 percent."""
    watch: bool = False
    """Show the agents' texts and tools as they happen."""
    variants: tuple[str, ...] = ()
    """Names of declared variants, or `all`; none is the scenario as it is."""
    mlflow: bool = True
    """Whether the run is exported to MLflow once it has ended."""
    approver: ApproverKind | None = None
    """Who decides about tool calls that wait; null: whom the scenario names."""
