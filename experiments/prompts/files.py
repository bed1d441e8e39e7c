"""Pulled prompts: `prompts/NAME/vN.md` and `prompts/prompts.lock.json`, for when no registry is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, ValidationError

from agentdyno.core.errors import HarnessFault, InputError, Problem
from agentdyno.core.noun import Noun
from agentdyno.experiments.prompts.answers import Answered
from agentdyno.scenarios.digest import text_digest
from agentdyno.scenarios.paths import shown

FOLDER = Path("prompts")
"""Where pulled prompts lie, below the working folder."""
LOCK = "prompts.lock.json"


class LockedPrompt(Noun):
    """What the lock says of one prompt."""

    aliases: dict[str, int] = Field(default_factory=dict)
    """Version by alias, as of the pull."""
    versions: dict[int, str] = Field(default_factory=dict)
    """SHA-256 of the text by version."""


class PromptLock(Noun):
    """`prompts.lock.json`."""

    lock: int = 1
    """Version of this format."""
    pulled_at: str = ""
    """ISO 8601, UTC."""
    prompts: dict[str, LockedPrompt] = Field(default_factory=dict)


class PromptFiles:
    """The prompts of one folder. Text is read and written byte for byte."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def lock(self) -> PromptLock:
        """Return what was pulled; nothing where there is no lock.

        Raises:
            InputError: the lock is damaged.
        """
        path = self.folder / LOCK
        try:
            return PromptLock.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return PromptLock()
        except (OSError, ValidationError) as error:
            message = f"is no lock of prompts: {str(error).splitlines()[0]}"
            raise _problem(path, message) from error

    def path(self, name: str, version: int) -> Path:
        """Return where a version lies or would lie."""
        return self.folder / name / f"v{version}.md"

    def find(self, name: str, key: int | str) -> Answered | None:
        """Return the version `key` of a prompt, a number or an alias; None when it was not pulled.

        Raises:
            InputError: its file is missing, or is not what was pulled.
        """
        locked = self.lock().prompts.get(name)
        if locked is None:
            return None
        version = locked.aliases.get(key) if isinstance(key, str) else key
        if version is None or version not in locked.versions:
            return None
        path = self.path(name, version)
        text = read_text(path)
        if text_digest(text) != locked.versions[version]:
            raise _problem(
                path, f"was edited: its text is not what {LOCK} says of version {version}"
            )
        aliases = tuple(alias for alias, at in locked.aliases.items() if at == version)
        return Answered(name=name, version=version, text=text, sha256=text_digest(text),
                        aliases=aliases)

    def write(self, prompts: Mapping[str, list[Answered]]) -> list[Path]:
        """Write every version of `prompts` and what the lock says of them; other prompts stay.

        Returns the files whose text is new.

        Raises:
            HarnessFault: the folder cannot be written.
        """
        lock, new = self.lock(), []
        try:
            for name, versions in prompts.items():
                for one in versions:
                    path = self.path(name, one.version)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    body = one.text.encode()
                    if not path.is_file() or path.read_bytes() != body:
                        path.write_bytes(body)
                        new.append(path)
            locked = {name: _locked(versions) for name, versions in prompts.items()}
            whole = PromptLock(
                pulled_at=datetime.now(UTC).isoformat(timespec="seconds"),
                prompts=dict(sorted({**lock.prompts, **locked}.items())),
            )
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / LOCK).write_text(whole.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise HarnessFault(f"{shown(self.folder)} cannot be written: {error.strerror}.",
                               "--prompts FOLDER names another place") from error
        return new


def read_text(path: Path) -> str:
    """Return the text of a prompt's file, with its line ends as they are.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise _problem(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _problem(path, "is not UTF-8; save it in that encoding", line) from error


def _locked(versions: list[Answered]) -> LockedPrompt:
    return LockedPrompt(
        aliases={alias: one.version for one in versions for alias in sorted(one.aliases)},
        versions={one.version: one.sha256 for one in versions},
    )


def _problem(path: Path, message: str, line: int = 1) -> InputError:
    problem = Problem(file=shown(path), line=line, key="", message=message)
    return InputError([problem], "restore the file, or: agentdyno prompt pull")
