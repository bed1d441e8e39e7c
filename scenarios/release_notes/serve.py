"""Makes the repository of this scenario and serves it with the reference git server.

The history is `history.stream`, which git turns into the same commits on every machine. It is made
once, in the cache; the server reads it and nobody is given a tool that writes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

STREAM = Path(__file__).with_name("history.stream")
_PLAIN = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
"""Nothing of the user's own settings may change what the commits are or how they are shown."""


def repository(cache: Path) -> Path:
    """Return the working tree, making it when it is missing; exits with words when git cannot."""
    git = shutil.which("git")
    if git is None:
        sys.exit(
            "release_notes: this scenario reads a git repository, and the program git is not "
            "installed on this machine.\nInstall it (Debian: apt install git; macOS: xcode-select "
            "--install) and run the same again."
        )
    stream = STREAM.read_bytes()
    folder = cache / "repositories" / f"tidemark-{hashlib.sha256(stream).hexdigest()[:12]}"
    if not (folder / ".git").is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
        _git(git, partial, "init", "--quiet", "--initial-branch=main")
        _git(git, partial, "fast-import", "--quiet", stdin=stream)
        _git(git, partial, "reset", "--quiet", "--hard", "main")
        try:
            partial.rename(folder)
        except OSError:
            # Another process was faster; both made the same.
            shutil.rmtree(partial)
            if not (folder / ".git").is_dir():
                raise
    return folder


def _git(git: str, folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    done = subprocess.run(
        [git, *arguments], cwd=folder, input=stdin, capture_output=True, check=False,
        env={**os.environ, **_PLAIN},
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        sys.exit(f"release_notes: git {arguments[0]} failed in {folder}: {said}")


def main() -> None:
    """Serve the repository; the arguments are the cache folder and the server's program."""
    cache, program = map(Path, sys.argv[1:])
    folder = repository(cache)
    if not program.is_file():
        sys.exit(
            f"release_notes: the git server is not installed yet: there is no {program}.\n"
            "`agentdyno validate release_notes` installs it."
        )
    # The server takes paths as it is given them, so that agents can call the repository `.`.
    os.chdir(folder)
    os.environ.update(_PLAIN)
    os.execv(program, [str(program), "--repository", "."])  # noqa: S606


if __name__ == "__main__":
    main()
