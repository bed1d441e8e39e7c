"""MLflow's tables: made where there are none, left alone where they are another version's."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from agentdyno.core.settings import Settings
from agentdyno.experiments.tracking.address import (
    ARTIFACTS,
    URI,
    shown_address,
    sqlalchemy_url,
    tracking_address,
    without_secrets,
)
from agentdyno.tests.experiments.exported import tools

# What MLflow and SQLAlchemy warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def made(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Leads to a database in which MLflow's tables were just made."""
    maintenance = postgres_dsn.replace("/agentdyno?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as link:
        link.execute("CREATE DATABASE made_mlflow")
        address = {URI: sqlalchemy_url(postgres_dsn, "made_mlflow"),
                   ARTIFACTS: str(tmp_path_factory.mktemp("artifacts"))}
        tools().schema.ready(address)
        yield address
        link.execute("DROP DATABASE made_mlflow WITH (FORCE)")


@pytest.fixture
def revision(made: dict[str, str]) -> Iterator[psycopg.Connection]:
    """A connection to it; the revision is set back at the end."""
    with psycopg.connect(made[URI].replace("+psycopg", ""), autocommit=True) as link:
        [head] = link.execute("SELECT version_num FROM alembic_version").fetchone()
        yield link
        link.execute("UPDATE alembic_version SET version_num = %s", [head])


def columns(link: psycopg.Connection) -> list[tuple[str, ...]]:
    return link.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 2").fetchall()


def test_its_own_tables_are_ready_and_stay_as_they_are(
    made: dict[str, str], revision: psycopg.Connection
) -> None:
    before = columns(revision)
    tools().schema.ready(made)
    assert columns(revision) == before


def test_tables_of_a_newer_mlflow_are_refused_and_not_touched(
    made: dict[str, str], revision: psycopg.Connection
) -> None:
    revision.execute("UPDATE alembic_version SET version_num = 'feedc0ffee99'")
    # As when a newer one dropped a table: MLflow would now try to migrate.
    revision.execute("ALTER TABLE webhooks RENAME TO hooks")
    before = columns(revision)
    with pytest.raises(tools().schema.SchemaRefused) as refused:
        tools().schema.ready(made)
    said = str(refused.value)
    assert "feedc0ffee99" in said
    assert "3.17.2" in said
    assert "newer MLflow" in said
    assert "update agentdyno" in said
    assert columns(revision) == before
    revision.execute("ALTER TABLE hooks RENAME TO webhooks")


def test_tables_of_an_older_mlflow_are_refused_until_somebody_asks_for_the_upgrade(
    made: dict[str, str], revision: psycopg.Connection
) -> None:
    older = next(iter(tools().schema._scripts().walk_revisions())).down_revision
    revision.execute("UPDATE alembic_version SET version_num = %s", [older])
    before = columns(revision)
    with pytest.raises(tools().schema.SchemaRefused, match="older than MLflow") as refused:
        tools().schema.ready(made)
    assert "--upgrade-schema" in refused.value.hint
    assert columns(revision) == before


def test_a_database_of_somebody_else_is_refused(postgres_dsn: str, database: str) -> None:
    address = {URI: database.replace("postgresql:", "postgresql+psycopg:", 1)}
    with pytest.raises(tools().schema.SchemaRefused, match="not MLflow's"):
        tools().schema.ready(address)


def test_a_folder_cannot_keep_traces() -> None:
    with pytest.raises(tools().schema.SchemaRefused, match="cannot be kept"):
        tools().schema.ready({URI: "file:///somewhere/mlruns"})


async def test_mlflow_has_a_database_of_its_own_beside_the_store(
    database: str, tmp_path: Path
) -> None:
    settings = Settings(cache=tmp_path, database_url=database)
    address = await tracking_address(settings)
    assert address == await tracking_address(settings)
    assert address[ARTIFACTS] == str(tmp_path / "mlflow" / "artifacts")
    with psycopg.connect(address[URI].replace("+psycopg", ""), autocommit=True) as link:
        name = link.info.dbname
    assert name.endswith("_mlflow")
    with psycopg.connect(database, autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


async def test_another_mlflow_is_taken_as_it_is_named(tmp_path: Path) -> None:
    settings = Settings(cache=tmp_path, mlflow_uri="https://me:geheim@mlflow.example/x")
    assert await tracking_address(settings) == {URI: "https://me:geheim@mlflow.example/x"}


@pytest.mark.parametrize(("uri", "shown"), [
    ("https://me:geheim@mlflow.example:8080/x?y=1", "https://mlflow.example:8080/x"),
    ("postgresql+psycopg://me:ge%20heim@db.example/tracks", "tracks at db.example"),
    ("sqlite:///tracks.db", "sqlite:///tracks.db"),
])
def test_an_address_is_shown_without_its_password(uri: str, shown: str) -> None:
    assert shown_address(uri) == shown


def test_what_mlflow_says_is_told_without_passwords() -> None:
    environ = {URI: "https://me:ge%20heim@h/", "MLFLOW_TRACKING_TOKEN": "abcd-efgh"}
    said = without_secrets("no ge%20heim, no ge heim, no abcd-efgh", environ)
    assert said == "no ***, no ***, no ***"
