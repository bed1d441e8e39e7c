"""Where MLflow keeps what it is told. Imports no MLflow: the harness asks here, too.

Unless MLFLOW_TRACKING_URI names another place, that is a database of its own beside the store's, on
the same server, called after it: `agentdyno_mlflow`. Artifacts lie below the cache.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlencode, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from agentdyno.core.errors import HarnessFault
from agentdyno.core.settings import Settings
from agentdyno.store.database import CONNECTION_ERRORS, describe, unreachable
from agentdyno.store.opening import address

URI = "MLFLOW_TRACKING_URI"
ARTIFACTS = "AGENTDYNO_MLFLOW_ARTIFACTS"
"""Tells a companion process the folder of artifacts; absent where MLflow's own choice holds."""
SUFFIX = "_mlflow"
_LONGEST_NAME = 63
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")


async def tracking_address(settings: Settings) -> dict[str, str]:
    """Return the environment variables that lead a companion process to MLflow.

    The database is made where it is missing, without tables: those are MLflow's.

    Raises:
        DynoError: the server cannot be reached, or the database cannot be made.
    """
    if settings.mlflow_uri:
        return {URI: settings.mlflow_uri}
    dsn = await address(settings)
    name = await _ensure_database(dsn)
    return {URI: sqlalchemy_url(dsn, name), ARTIFACTS: str(artifact_folder(settings.cache))}


def artifact_folder(cache: Path) -> Path:
    """Return where artifacts of our own MLflow are."""
    return cache / "mlflow" / "artifacts"


def sqlalchemy_url(dsn: str, database: str) -> str:
    """Return the address of `database` on the server of the libpq address `dsn`."""
    parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items() if value is not None}
    parts.pop("dbname", None)
    user, password = parts.pop("user", ""), parts.pop("password", "")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    query = f"?{urlencode(parts, quote_via=quote)}" if parts else ""
    return f"postgresql+psycopg://{login}{'@' if login else ''}/{quote(database, safe='')}{query}"


def shown_address(uri: str) -> str:
    """Return a tracking address without user and password, as it may be printed."""
    parts = urlsplit(uri)
    if parts.scheme.startswith("postgresql"):
        return describe(re.sub(r"^postgresql\+\w+", "postgresql", uri))
    if not parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def without_secrets(text: str, environ: dict[str, str]) -> str:
    """Return `text` without the passwords of MLflow's address and of its environment."""
    secrets = {environ.get(name, "") for name in _SECRETS}
    uri = environ.get(URI, "")
    if password := urlsplit(uri).password:
        secrets |= {password, unquote(password)}
    for secret in sorted(secrets - {""}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


async def _ensure_database(dsn: str) -> str:
    try:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as link:
            name = link.info.dbname[: _LONGEST_NAME - len(SUFFIX)] + SUFFIX
            found = await link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if await found.fetchone() is None:
                await _create(link, name, dsn)
            return name
    except (*CONNECTION_ERRORS, psycopg.ProgrammingError) as error:
        raise unreachable(dsn, error) from error


async def _create(link: psycopg.AsyncConnection, name: str, dsn: str) -> None:
    try:
        await link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
        # Another process made it between our look and ours.
        return
    except psycopg.errors.InsufficientPrivilege as error:
        raise HarnessFault(
            f"MLflow needs a database {name} beside {describe(dsn)}, and its role may not make "
            "one.",
            f"have it made: CREATE DATABASE {name}; or set MLFLOW_TRACKING_URI to another place, "
            "or AGENTDYNO_MLFLOW=off",
        ) from error
