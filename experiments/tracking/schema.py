"""Whether this MLflow may open what an address names: another version's tables are left alone.

MLflow brings tables of an older version up to its own without asking, and then the older version
cannot open them any more. So its schema's revision is compared before MLflow opens anything.
"""

import contextlib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import mlflow
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from mlflow.store.db import utils
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request
from packaging.version import InvalidVersion, Version

from agentdyno.core.errors import DynoError
from agentdyno.experiments.tracking.address import ARTIFACTS, URI, shown_address

OLDEST_SERVER = Version("3.4")
"""Servers before it do not keep spans."""
_LOCK = 0x6D6C666C6F77
_LAST = Version(mlflow.__version__).major


class SchemaRefused(DynoError):
    """What the address names belongs to another version of MLflow, or to somebody else."""


def ready(environ: Mapping[str, str]) -> None:
    """See that MLflow may open what `environ` names; make its tables where there are none.

    Raises:
        SchemaRefused: another version of MLflow made it, or it cannot keep traces.
    """
    uri = environ[URI]
    scheme = urlsplit(uri).scheme
    if scheme in ("http", "https"):
        _check_server(uri)
    elif scheme.partition("+")[0] in ("postgresql", "mysql", "sqlite", "mssql"):
        engine = _engine(uri)
        try:
            _ready(engine, uri, environ.get(ARTIFACTS, "./mlruns"))
        finally:
            engine.dispose()
    else:
        raise SchemaRefused(
            f"MLflow's traces cannot be kept at {shown_address(uri)}.",
            "unset MLFLOW_TRACKING_URI, or set it to an MLflow server (http://...) or a database",
        )


def _ready(engine: sqlalchemy.Engine, uri: str, artifacts: str) -> None:
    head = _scripts().get_current_head()
    # Another process may be making the tables right now: what looks foreign is looked at again.
    with contextlib.suppress(SchemaRefused):
        if _revision(engine, uri) == head:
            return
    with _alone(engine):
        revision = _revision(engine, uri)
        if revision is None:
            # Its constructor makes the tables.
            SqlAlchemyStore(uri, artifacts).engine.dispose()  # type: ignore[no-untyped-call]
        elif revision != head:
            raise _other(revision, str(head), uri)


def upgrade(environ: Mapping[str, str]) -> str:
    """Bring tables of an older MLflow up to this one's, which somebody asked for; returns the
    revision that they had.

    Raises:
        SchemaRefused: they are not those of an older MLflow.
    """
    uri = environ[URI]
    engine = _engine(uri)
    try:
        revision = _revision(engine, uri)
        if revision is None or not _knows(revision):
            raise SchemaRefused(
                f"{shown_address(uri)} holds no tables of an MLflow older than "
                f"{mlflow.__version__}.", "agentdyno export status",
            )
        with _alone(engine):
            utils._upgrade_db(engine)  # type: ignore[no-untyped-call]
        return revision
    finally:
        engine.dispose()


def _revision(engine: sqlalchemy.Engine, uri: str) -> str | None:
    """Return the schema's revision; None of an empty database."""
    tables = sqlalchemy.inspect(engine).get_table_names()
    if not tables:
        return None
    with engine.connect() as link:
        revision = MigrationContext.configure(link).get_current_revision()
    if revision is None:
        raise SchemaRefused(
            f"{shown_address(uri)} holds tables that are not MLflow's ({tables[0]}, ...).",
            "unset MLFLOW_TRACKING_URI, or name an empty database",
        )
    return str(revision)


def _other(revision: str, head: str, uri: str) -> SchemaRefused:
    ours = f"MLflow {mlflow.__version__} (schema {head})"
    if _knows(revision):
        return SchemaRefused(
            f"{shown_address(uri)} has the schema {revision} of an MLflow older than {ours}, which "
            "would change it for good.",
            "make a backup, then: agentdyno export mlflow --upgrade-schema",
        )
    return SchemaRefused(
        f"{shown_address(uri)} has the schema {revision}, which {ours} does not know: a newer "
        "MLflow made it or brought it up to its own.",
        "update agentdyno, or start that MLflow's server and set MLFLOW_TRACKING_URI to its http "
        "address, or to another database",
    )


def _knows(revision: str) -> bool:
    return any(script.revision == revision for script in _scripts().walk_revisions())


def _scripts() -> ScriptDirectory:
    config = utils._get_alembic_config(db_url="")  # type: ignore[no-untyped-call]
    return ScriptDirectory.from_config(config)


def _engine(uri: str) -> sqlalchemy.Engine:
    engine = utils.create_sqlalchemy_engine(uri)  # type: ignore[no-untyped-call]
    assert isinstance(engine, sqlalchemy.Engine)
    return engine


@contextlib.contextmanager
def _alone(engine: sqlalchemy.Engine) -> Iterator[None]:
    """Keep other processes of ours from making tables at the same time; elsewhere than in
    PostgreSQL the database's own locks must do."""
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect() as link:
        link.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            yield
        finally:
            link.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})


def _check_server(uri: str) -> None:
    login = get_default_host_creds(uri)  # type: ignore[no-untyped-call]
    response = http_request(login, "/version", "GET")  # type: ignore[no-untyped-call]
    try:
        found = Version(response.text.strip())
    except InvalidVersion as error:
        raise SchemaRefused(
            f"{shown_address(uri)} answers, but is no MLflow server.",
            "check MLFLOW_TRACKING_URI",
        ) from error
    if found < OLDEST_SERVER or found.major > _LAST:
        raise SchemaRefused(
            f"the MLflow server at {shown_address(uri)} is {found}; this agentdyno speaks with "
            f"{OLDEST_SERVER} to {_LAST}.x and knows {mlflow.__version__}.",
            "update that server" if found < OLDEST_SERVER else "update agentdyno",
        )
