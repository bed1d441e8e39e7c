"""Programs that nobody here wrote, each in its own locked environment: `locks/peers/NAME.txt`."""

from pathlib import Path

from agentdyno.runners import envs
from agentdyno.runners.locking import lock_digest, pins
from agentdyno.runners.ref import LockedEnvironment

LOCKS = Path(__file__).resolve().parents[1] / "locks" / "peers"


async def peer_python(name: str, cache: Path) -> Path:
    """Return the Python of the environment of peer `name`, made byte-compiled when it is missing.

    Args:
        name: stem of a lock file, which is also the distribution that it is there for.
        cache: the harness's cache; environments of peers are in `cache/peers`.

    Raises:
        EnvironmentFault: it cannot be made.
    """
    lock = LOCKS / f"{name}.txt"
    version, digest = pins(lock)[name], lock_digest(lock)
    folder = cache / "peers" / f"{name}-{version}-{digest[:8]}-{envs.PYTHON_TAG}"
    return await envs.ensure(LockedEnvironment(
        name=name, version=version, lock=lock, folder=folder, python=folder / "bin" / "python",
    ))
