"""MLflow's prompt registry: texts by hash, aliases, and which run used which version.

Imports MLflow, so it runs in the companion environment alone: by `python -m` with lines of JSON on
stdin and stdout (`experiments/prompts/registry.py` is the other side), or called by the exporter.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import PromptVersion
from mlflow.exceptions import MlflowException
from mlflow.prompt.constants import PROMPT_EXPERIMENT_IDS_TAG_KEY

from agentdyno.core.errors import DynoError
from agentdyno.experiments.prompts.answers import LONGEST, Answered
from agentdyno.experiments.tracking.address import URI, without_secrets
from agentdyno.experiments.tracking.schema import ready
from agentdyno.scenarios.digest import text_digest

HASH_TAG = "agentdyno.sha256"
_PAGE = 100
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")


class PromptRegistry:
    """Prompts of one MLflow. Not cached: an alias that another process moved is seen at once."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client

    def find(self, name: str, key: int | str) -> Answered | None:
        """Return the version `key` of a prompt, a number or an alias; None when there is none.

        Raises:
            ValueError: it is a chat of several messages, which is nobody's instructions.
        """
        found = self._get(name, key)
        return None if found is None else _answer(found)

    def versions(self, name: str) -> list[Answered]:
        """Return every version of a prompt, oldest first; none when there is no such prompt."""
        found = []
        for version in self._search(name):
            # A search tells no aliases.
            whole = self._get(name, version.version)
            if whole is not None and whole.is_text_prompt:
                found.append(_answer(whole))
        return found

    def names(self) -> list[str]:
        """Return the names of all prompts, in alphabetical order."""
        names, token = [], None
        while True:
            page = self._client.search_prompts(max_results=_PAGE, page_token=token)
            names += [prompt.name for prompt in page]
            token = page.token
            if not token:
                return sorted(names)

    def register(self, name: str, text: str, note: str = "") -> Answered:
        """Return the version of `name` that has this text, made first where there is none.

        Raises:
            ValueError: the text is longer than MLflow keeps.
        """
        if len(text) > LONGEST:
            raise ValueError(
                f"the prompt {name} has {len(text)} characters; MLflow keeps {LONGEST} at most"
            )
        digest = text_digest(text)
        if (there := self._oldest(name, digest)) is not None:
            return there
        self._ensure(name)
        made = self._client.create_prompt_version(
            name, text, description=note or None, tags={HASH_TAG: digest}
        )
        oldest = self._oldest(name, digest)
        assert oldest is not None, "it was made just now"
        if oldest.version != int(made.version):
            # Somebody made it at the same time; all take the oldest.
            self._client.delete_prompt_version(name, str(made.version))
        return oldest

    def point(self, name: str, alias: str, version: int | None) -> None:
        """Make `alias` mean `version`, or nothing with None."""
        if version is not None:
            self._client.set_prompt_alias(name, alias, version)
        elif self._get(name, alias) is not None:
            self._client.delete_prompt_alias(name, alias)

    def link(
        self, run_id: str, experiment_id: str, prompts: Mapping[str, str], note: str = ""
    ) -> dict[str, Answered]:
        """Register the texts `prompts` by name and link their versions to an MLflow run.

        They are shown among the prompts of the run's experiment, too.
        """
        found = {name: self.register(name, text, note) for name, text in prompts.items()}
        for name, answered in found.items():
            version = self._get(name, answered.version)
            assert version is not None, "it was registered just now"
            self._client.link_prompt_version_to_run(run_id, version)
            self._show_in(experiment_id, name)
        return found

    def _show_in(self, experiment_id: str, name: str) -> None:
        prompt = self._client.get_prompt(name)
        known = (prompt.tags if prompt else {}).get(PROMPT_EXPERIMENT_IDS_TAG_KEY, "")
        ids = [one for one in known.split(",") if one]
        if experiment_id not in ids:
            # Commas around it, since MLflow looks for `,1,`.
            value = f",{','.join([*ids, experiment_id])},"
            self._client.set_prompt_tag(name, PROMPT_EXPERIMENT_IDS_TAG_KEY, value)

    def _ensure(self, name: str) -> None:
        try:
            self._client.create_prompt(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _oldest(self, name: str, digest: str) -> Answered | None:
        same = [
            version for version in self._search(name)
            if version.is_text_prompt and text_digest(str(version.template)) == digest
        ]
        return _answer(min(same, key=lambda one: int(one.version))) if same else None

    def _search(self, name: str) -> Iterator[PromptVersion]:
        token, found = None, []
        try:
            while True:
                page = self._client.search_prompt_versions(name, _PAGE, token)
                found += page
                token = page.token
                if not token:
                    break
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
        yield from sorted(found, key=lambda one: int(one.version))

    def _get(self, name: str, key: int | str) -> PromptVersion | None:
        try:
            found: PromptVersion | None = self._client.get_prompt_version(name, key)
            return found
        except MlflowException as error:
            if error.error_code not in _ABSENT:
                raise
            return None


def _answer(version: PromptVersion) -> Answered:
    if not version.is_text_prompt:
        raise ValueError(
            f"version {version.version} of {version.name} is a chat of several messages, and "
            "instructions are one text"
        )
    text = str(version.template)
    return Answered(
        name=version.name, version=int(version.version), text=text, sha256=text_digest(text),
        aliases=tuple(version.aliases or ()), note=version.commit_message or "",
        made_at_ms=version.creation_timestamp or 0,
    )


def handle(registry: PromptRegistry, asked: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Do what is asked, in order; returns one JSON value for each.

    Every item names its `do` and has the arguments of the method of that name.
    """
    done: list[Any] = []
    for one in asked:
        arguments = {name: value for name, value in one.items() if name != "do"}
        match one["do"]:
            case "find":
                found = registry.find(**arguments)
                done.append(None if found is None else found.model_dump())
            case "versions":
                done.append([found.model_dump() for found in registry.versions(**arguments)])
            case "names":
                done.append(registry.names())
            case "register":
                done.append(registry.register(**arguments).model_dump())
            case "point":
                registry.point(**arguments)
                done.append(None)
            case other:
                raise ValueError(f"the prompt registry knows no {other!r}")
    return done


def main() -> int:
    """Answer every line of stdin, a JSON array, by a line `{"done": [...]}` or `{"error": ...}`."""
    # What MLflow prints is log.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    environ = dict(os.environ)
    registry: PromptRegistry | None = None
    with answers:
        for line in sys.stdin:
            try:
                if registry is None:
                    ready(environ)
                    uri = environ[URI]
                    registry = PromptRegistry(MlflowClient(tracking_uri=uri, registry_uri=uri))
                said: dict[str, Any] = {"done": handle(registry, json.loads(line))}
            except DynoError as error:
                said = {"error": error.message, "hint": error.hint}
            # Whatever MLflow raises, the other side is to hear of it in words.
            except Exception as error:
                told = " ".join(str(error).split())
                said = {"error": without_secrets(f"{type(error).__name__}: {told}", environ)}
            answers.write(json.dumps(said) + "\n")
            answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
