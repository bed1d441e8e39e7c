"""The store that the browser walks, and the servers over it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql

from agentdyno.dashboards.app import PAGES
from agentdyno.tests.browser.chromium import executable
from agentdyno.tests.browser.walked import environment, fill, running


@dataclass(frozen=True, kw_only=True)
class Ui:
    """A running `agentdyno ui`."""

    dashboard: str
    mlflow: str
    database: str

    def page(self, name: str) -> str:
        """Return the address of a page; the first one is where the server is."""
        return self.dashboard + "/" + ("" if name == PAGES[0].name else name)


@pytest.fixture(scope="session", autouse=True)
def _chromium() -> None:
    executable()


@pytest.fixture(scope="session")
def walked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a database that real runs have filled.

    Whoever works on a page may name one that was filled before (AGENTDYNO_WALKED_STORE).
    """
    if filled := os.environ.get("AGENTDYNO_WALKED_STORE"):
        yield filled
        return
    template = str(request.getfixturevalue("_template"))
    with psycopg.connect(template.replace("/agentdyno?", "/postgres?"), autocommit=True) as link:
        link.execute(sql.SQL("CREATE DATABASE walked TEMPLATE agentdyno"))
        address = template.replace("/agentdyno?", "/walked?")
        fill(address, tmp_path_factory.mktemp("scenarios"))
        yield address
        link.execute(sql.SQL("DROP DATABASE walked WITH (FORCE)"))


@pytest.fixture(scope="session")
def ui(walked: str) -> Iterator[Ui]:
    """`agentdyno ui` over the walked store, both servers answering."""
    with running(environment(walked)) as found:
        yield Ui(dashboard=found["dashboard"], mlflow=found.get("MLflow", ""), database=walked)
