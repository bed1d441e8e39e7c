"""The companion environment: MLflow, Streamlit and what draws charts, apart from the harness.

They take 1.2 GB and seconds to import, so they are installed when they are first asked for, from
`locks/ui.txt` (the harness's lock and the extra `ui`), and run in processes of their own. Where
this very Python has them already (`pip install agentdyno[ui]`), it is the companion.
"""

import contextlib
import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import EnvironmentFault
from agentdyno.runners import envs
from agentdyno.runners.locking import lock_digest, pins
from agentdyno.runners.ref import LockedEnvironment

MLFLOW = "3.17.2"
"""The one version that opens our MLflow databases: another could migrate them silently."""
ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "locks" / "ui.txt"
_NEEDED = ("mlflow", "streamlit", "altair", "vl_convert", "opentelemetry.exporter.otlp.proto.http")
_KEPT = re.compile(
    r"(AGENTDYNO|MLFLOW|OTEL|PG|UV|PIP|XDG|LC|SSL|STREAMLIT)(_\w+|[A-Z]+)|(HTTPS?|NO|ALL)_PROXY"
    r"|PATH|HOME|USER|LOGNAME|LANG|TZ|TMPDIR|TERM|PYTHONPATH|PYTHONDONTWRITEBYTECODE|AWS_\w+"
    r"|GOOGLE_APPLICATION_CREDENTIALS", re.IGNORECASE,
)
_SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # Else MLflow warns on every run that the working folder is no repository.
    "GIT_PYTHON_REFRESH": "quiet",
}


@dataclass(frozen=True, kw_only=True)
class Companion:
    """A Python that has MLflow and Streamlit at the locked versions."""

    python: Path
    link: Path | None
    """Folder in which `agentdyno` is found; null where this Python has it anyway."""

    def command(self, module: str, *arguments: str) -> list[str]:
        """Return the command line that runs `module` there; the working folder is no place that
        modules are found in, since `agents/` of a checkout would stand in for the SDK."""
        return [str(self.python), "-P", "-m", module, *arguments]

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a process there: what it needs of `base` without the keys of
        model providers, and every telemetry off."""
        kept = {name: value for name, value in base.items() if _KEPT.fullmatch(name)}
        if self.link is not None:
            kept["PYTHONPATH"] = str(self.link)
        return kept | _SILENT


def is_companion() -> bool:
    """Tell whether this Python has everything that the companion needs."""
    try:
        return version("mlflow") == MLFLOW and all(find_spec(name) for name in _NEEDED)
    except (PackageNotFoundError, ModuleNotFoundError):
        return False


def companion_if_ready(cache: Path) -> Companion | None:
    """Return the companion if it is there already."""
    if _own():
        return Companion(python=Path(sys.executable), link=None)
    if not LOCK.is_file():
        return None
    place = _place(cache)
    return _linked(place, cache) if envs.is_ready(place) else None


async def ensure_companion(
    cache: Path, progress: envs.Progress = lambda stage, done, total: None
) -> Companion:
    """Return the companion, made first where it is missing.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    if found := companion_if_ready(cache):
        return found
    if not LOCK.is_file():
        raise EnvironmentFault(
            "MLflow and Streamlit are not installed beside agentdyno.",
            "pip install 'agentdyno[ui]'",
        )
    place = _place(cache)
    try:
        await envs.ensure(place, progress)
    except EnvironmentFault as fault:
        raise EnvironmentFault(
            fault.message, "MLflow and Streamlit are installed when they are first used: connect "
            "this machine to a Python package index and run the same again",
        ) from fault
    return _linked(place, cache)


@functools.cache
def _own() -> bool:
    return is_companion()


def _place(cache: Path) -> LockedEnvironment:
    found = pins(LOCK)["streamlit"]
    name = f"ui-{found}-{lock_digest(LOCK)[:8]}-{envs.PYTHON_TAG}"
    folder = cache / "companion" / name
    return LockedEnvironment(
        name="ui", version=found, lock=LOCK, folder=folder, python=folder / "bin" / "python"
    )


def _linked(place: LockedEnvironment, cache: Path) -> Companion:
    """Return the companion with a folder that holds nothing but a link to this agentdyno."""
    link = cache / "companion" / f"link-{content_hash(str(ROOT))[:12]}"
    link.mkdir(parents=True, exist_ok=True)
    target = link / "agentdyno"
    if not target.is_symlink():
        # Another process may make it between our look and our link.
        with contextlib.suppress(FileExistsError):
            target.symlink_to(ROOT, target_is_directory=True)
    return Companion(python=place.python, link=link)
