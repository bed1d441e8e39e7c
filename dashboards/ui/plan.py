"""Which servers `agentdyno ui` runs, and where."""

from dataclasses import dataclass

from agentdyno.core.settings import Settings
from agentdyno.dashboards import server as dashboard
from agentdyno.dashboards.reach import check_host, is_loopback
from agentdyno.dashboards.ui.ports import choose
from agentdyno.dashboards.ui.service import Server
from agentdyno.experiments.companion import Companion, ensure_companion
from agentdyno.experiments.tracking import server as tracking

LOOPBACK = "127.0.0.1"
MLFLOW = "MLflow"
_DASHBOARD_PORT, _MLFLOW_PORT = 8501, 5000
_EVERYWHERE = {"0.0.0.0": LOOPBACK, "::": "[::1]", "": LOOPBACK}  # noqa: S104


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line said."""

    host: str = LOOPBACK
    """Where the dashboard listens; MLflow, which knows no password, never leaves loopback."""
    port: int | None = None
    """Null has one chosen."""
    mlflow_port: int | None = None
    mlflow: bool = True


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What is started, and what is there already."""

    servers: tuple[Server, ...]
    links: tuple[tuple[str, str], ...] = ()
    """Name and address of servers that somebody else runs."""


async def servers(settings: Settings, asked: Asked) -> Planned:
    """Return what to start.

    Raises:
        DynoError: others can reach the host and there is no password; a port is taken; MLflow's
            database is not one that our MLflow may open.
    """
    check_host(asked.host, settings.environment)
    companion = await ensure_companion(settings.cache)
    found = [_dashboard(settings, companion, asked)]
    links: list[tuple[str, str]] = []
    if asked.mlflow and (theirs := tracking.elsewhere(settings)):
        links.append((MLFLOW, theirs))
    elif asked.mlflow:
        found.append(await _mlflow(settings, companion, asked))
    return Planned(servers=tuple(found), links=tuple(links))


def _dashboard(settings: Settings, companion: Companion, asked: Asked) -> Server:
    port = choose(asked.host, asked.port, _DASHBOARD_PORT, "the dashboard")
    command, environ = dashboard.command(companion, settings, asked.host, port)
    # A browser is sent to an address, not to "everywhere".
    host = _EVERYWHERE.get(asked.host, asked.host)
    if not is_loopback(asked.host) and ":" in host and not host.startswith("["):
        host = f"[{host}]"
    url = f"http://{host}:{port}"
    return Server(
        name="dashboard", command=command, environ=environ, url=url,
        health=url + dashboard.HEALTH, log=settings.cache / "ui" / f"dashboard-{port}.log",
    )


async def _mlflow(settings: Settings, companion: Companion, asked: Asked) -> Server:
    port = choose(LOOPBACK, asked.mlflow_port, _MLFLOW_PORT, MLFLOW)
    command, environ = await tracking.command(companion, settings, LOOPBACK, port)
    url = f"http://{LOOPBACK}:{port}"
    return Server(
        name=MLFLOW, command=command, environ=environ, url=url, health=url + tracking.HEALTH,
        log=settings.cache / "ui" / f"mlflow-{port}.log",
    )
