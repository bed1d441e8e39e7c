"""Providers as data: where they are, which variable holds their key, how hard they may be pressed.

    providers:                          # a file of the user's, for --providers
      mine:
        base_url: http://gpu-box:8000/v1
        key_env: MINE_API_KEY
        max_concurrency: 8
        requests_per_minute: 600

A row of the file changes the built-in row of the same name, key by key.
"""

import io
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import SecretStr

from agentdyno.core.errors import InputError, Problem, UsageError
from agentdyno.core.model import ModelChoice
from agentdyno.core.provider import ProviderRow, ProvidersFile
from agentdyno.core.yamlfile import load_yaml, validate_model
from agentdyno.core.yamlproblem import nearest
from agentdyno.models.providerrow import BUILT_IN

TRANSLATION = "any_llm"

_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


@dataclass(frozen=True, kw_only=True)
class Target:
    """One model at one provider, with all that is needed to ask it."""

    provider: str
    model: str
    """Name of the model at the provider."""
    typed: str
    """What a user types to name it."""
    base_url: str | None
    """Null for a translated provider at its own address."""
    key: SecretStr | None
    key_env: str | None
    """Variable that the key is, or would be, in."""
    headers: Mapping[str, SecretStr]
    row: ProviderRow

    @property
    def label(self) -> str:
        """Return `provider:model`."""
        return f"{self.provider}:{self.model}"

    @property
    def pool(self) -> str:
        """Return what shares limits and fate: a provider at an address."""
        return f"{self.provider} {self.base_url}"

    @property
    def place(self) -> str:
        """Return where the provider is, for messages."""
        return self.base_url or f"the own address of {self.provider}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must not stand in anything that is shown or kept."""
        given = [self.key, *self.headers.values()]
        return tuple(value for s in given if s and len(value := s.get_secret_value()) >= 4)

    def scrubbed(self, text: str) -> str:
        """Return `text` without the key and without the values of the headers."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def read_providers(
    file: Path | None, env_file: Path | None, environ: Mapping[str, str]
) -> "Catalogue":
    """Return the built-in providers, changed and extended by the user's file.

    Args:
        file: YAML file of providers; null for the built-in ones alone.
        env_file: file of keys in the form of `.env`; null for none.
        environ: the environment; its variables win over those of `env_file`.

    Raises:
        InputError: a file cannot be read, or holds problems.
    """
    rows = dict(BUILT_IN)
    if file is not None:
        document = load_yaml(file)
        given = validate_model(document, ProvidersFile).providers
        problems = []
        for name, row in given.items():
            changed = row.model_dump(exclude_unset=True)
            rows[name] = BUILT_IN[name].model_copy(update=changed) if name in BUILT_IN else row
            if rows[name].base_url is None and rows[name].translator is None:
                problems.append(document.problem(
                    ("providers", name), "a provider that is not built in needs its base_url"
                ))
        if problems:
            raise InputError(problems)
    return Catalogue(
        rows=rows, variables={**_dotenv(env_file), **environ},
        env_file=str(env_file) if env_file else None,
    )


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All providers of a run, and the variables that their keys are looked up in."""

    rows: Mapping[str, ProviderRow]
    variables: Mapping[str, str] = field(repr=False)
    """The environment over the file of keys."""
    env_file: str | None = None

    def check(self, choices: Mapping[str, ModelChoice]) -> None:
        """See that every model can be asked, before anything runs.

        Args:
            choices: models by agent, with resolved fallbacks.

        Raises:
            UsageError: an unknown provider, a key that is not there, or the translation library
                is needed and not installed.
        """
        for choice in choices.values():
            following: str | ModelChoice | None = choice
            while isinstance(following, ModelChoice):
                self.target(following)
                following = following.fallback

    def target(self, choice: ModelChoice) -> Target:
        """Return what is asked for `choice`; raises like `check`."""
        row = self.rows.get(choice.provider)
        if row is None:
            known = ", ".join(sorted(self.rows))
            raise UsageError(
                f"{choice.label}: there is no provider {choice.provider!r}"
                f"{nearest(choice.provider, self.rows)}; known are {known}.",
                "for any OpenAI-compatible server: --llm vllm:MODEL@http://localhost:8000/v1, or "
                "add it to a file for --providers",
            )
        if row.translator is not None and find_spec(TRANSLATION) is None:
            raise UsageError(
                f"{choice.label}: {choice.provider} does not speak OpenAI's protocol, and the "
                "library that translates is not installed (the extra `translate`).",
                f"{sys.executable} -m uv pip install --python {sys.executable} "
                f"'any-llm-sdk[{row.translator}]'",
            )
        own = choice.address is not None
        # A cloud provider's key is not for whoever answers at an address of the user's.
        key_env = choice.key_env or (None if own and not row.self_hosted else row.key_env)
        key = self.variables.get(key_env, "").strip() if key_env else ""
        if key_env and not key and (choice.key_env or not row.self_hosted):
            raise self._no_key(choice, key_env)
        return Target(
            provider=choice.provider, model=choice.name,
            typed=f"{choice.label}@{choice.address}" if own else choice.label,
            base_url=choice.address or self._base_url(choice.provider, row),
            key=SecretStr(key) if key else None, key_env=key_env,
            headers={} if own and not row.self_hosted else self._headers(choice, row), row=row,
        )

    def proxy(self, url: str) -> str | None:
        """Return the proxy that the environment names for `url`; never one for this machine."""
        # Not imported for the table alone: it is 20 ms that scripted runs need not spend.
        from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

        parts = urlsplit(url)
        named = {name.lower(): value for name, value in self.variables.items()}
        without = {"no": named.get("no_proxy", "")}
        host = parts.hostname or ""
        if _LOOPBACK.fullmatch(host) or proxy_bypass_environment(host, without):
            return None
        return named.get(f"{parts.scheme}_proxy") or named.get("all_proxy") or None

    def _base_url(self, name: str, row: ProviderRow) -> str | None:
        variable = f"{re.sub('[^A-Z0-9]', '_', name.upper())}_BASE_URL"
        file_wins = name not in BUILT_IN or row.base_url != BUILT_IN[name].base_url
        given = None if file_wins else self.variables.get(variable)
        url = (given or row.base_url or "").rstrip("/")
        if url and not url.startswith(("http://", "https://")):
            raise UsageError(
                f"{variable} is {url!r}, which is no address.",
                f"export {variable}=http://localhost:8000/v1",
            )
        return url or None

    def _headers(self, choice: ModelChoice, row: ProviderRow) -> dict[str, SecretStr]:
        def value(match: re.Match[str]) -> str:
            if not self.variables.get(match[1]):
                raise self._no_key(choice, match[1])
            return self.variables[match[1]]

        return {name: SecretStr(_VARIABLE.sub(value, text)) for name, text in row.headers.items()}

    def _no_key(self, choice: ModelChoice, variable: str) -> UsageError:
        looked = f"the environment nor in {self.env_file}" if self.env_file else (
            "the environment nor in a file .env"
        )
        return UsageError(
            f"{choice.label} needs an API key in the variable {variable}, which is neither in "
            f"{looked}.",
            f"export {variable}=..., or write it into a file for --env-file",
        )


def _dotenv(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        problem = Problem(file=str(path), line=1, key="", message=f"cannot be read: {reason}")
        raise InputError([problem]) from error
    # Without interpolation, which would look into the process's own environment.
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}
