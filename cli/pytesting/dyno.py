"""The fixture `dyno`: runs scenarios from tests."""

from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from agentdyno.cli.pytesting.cells import check_runner, placed, runner_id
from agentdyno.cli.pytesting.items import chosen_of
from agentdyno.cli.pytesting.session import Session
from agentdyno.core.errors import DynoError, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.settings import RunOptions
from agentdyno.core.trial import Trial
from agentdyno.core.variant import BASELINE, Variant
from agentdyno.experiments.pytesting.trialview import TrialView

Changes = Mapping[str, AgentOverride | Mapping[str, Any]]
"""What a variant changes, by agent; keys as in a scenario."""


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a test of the fixture is run with."""

    runner: str
    variant: str = BASELINE
    change: Variant | None = None


def parameters(metafunc: pytest.Metafunc) -> list[Any]:
    """Return what a test's marker, or the command line, has it run with; none leaves it as it is.

    Raises:
        CollectError: the marker names no runner, or its changes are none.
    """
    mark = metafunc.definition.get_closest_marker("dyno")
    given: Mapping[str, Any] = mark.kwargs if mark else {}
    try:
        if unknown := sorted(set(given) - {"runners", "variants"}) or (mark and mark.args):
            raise UsageError(f"the marker dyno takes runners and variants, not {unknown[0]!r}.")
        folder, chosen = metafunc.definition.path.parent, chosen_of(metafunc.config)
        runners = [placed(spec, folder) for spec in given.get("runners") or ()]
        for spec in runners:
            check_runner(spec)
        wanted = chosen.among(runners) if runners else chosen.runners
        variants = {
            name: Variant.model_validate({"agents": dict(changes)})
            for name, changes in (given.get("variants") or {}).items()
        }
        if variants and not wanted and not runners:
            raise UsageError("the marker dyno names variants and no runner.",
                             "@pytest.mark.dyno(runners=[...], variants={...})")
    except (DynoError, ValidationError) as error:
        where = f"{metafunc.definition.nodeid}: "
        raise pytest.Collector.CollectError(f"{where}{error}") from error
    if runners and not wanted:
        left = pytest.mark.skip(reason="--dyno-runner names none of the test's runners")
        return [pytest.param(None, marks=left, id="none")]
    return [
        pytest.param(
            Parameter(runner=runner, variant=variant, change=change),
            id=runner_id(runner) if change is None else f"{runner_id(runner)}-{variant}",
        )
        for runner in wanted for variant, change in ({BASELINE: None} | variants).items()
    ]


@contextmanager
def _skipping() -> Iterator[None]:
    """Skip the test where the runner does not execute the team."""
    from agentdyno.cli.pytesting.lab import NotRun

    try:
        yield
    except NotRun as reason:
        pytest.skip(str(reason))


class Dyno:
    """Runs scenarios. Answers are scripted or replayed: tests ask no provider."""

    def __init__(self, session: Session, node: pytest.Item, parameter: Parameter | None) -> None:
        self._session = session
        self._node = node
        self._parameter = parameter

    @property
    def runner(self) -> str | None:
        """The runner that the test is run with, by its marker or the command line."""
        return self._parameter.runner if self._parameter else None

    @property
    def variant(self) -> str:
        """The variant that the test is run with."""
        return self._parameter.variant if self._parameter else BASELINE

    def run(self, scenario: str, runner: str | None = None, **how: Any) -> TrialView:
        """Run one trial and return it; see `runs` for `how`."""
        return self.runs(scenario, runner, trials=1, **how)[0]

    async def arun(self, scenario: str, runner: str | None = None, **how: Any) -> TrialView:
        """Run one trial from an async test; see `runs` for `how`."""
        return (await self.aruns(scenario, runner, trials=1, **how))[0]

    def runs(
        self, scenario: str, runner: str | None = None, *, trials: int = 1, **how: Any
    ) -> tuple[TrialView, ...]:
        """Run trials of one scenario on one runner.

        Args:
            scenario: name in the library, or a path relative to the test's file, which holds a
                slash; with `.ARRANGEMENT` and `:CASE` as on the command line. With several cases,
                there are trials of each.
            runner: name with an optional `@version`; the test's parameter when absent.
            trials: repeats.
            how: `changes` (by agent, keys as in a scenario) with their name `variant`; `model`
                (`scripted`, `replay`), `cassettes`, `seed`, `stream`, `timeout_s`, `approver`.

        Where the runner does not execute the scenario's team, the test is skipped.

        Raises:
            DynoError: a file or a name is wrong, or the bench failed.
        """
        work = self._work(scenario, runner, trials, **how)
        with _skipping():
            return self._told(self._session.call(work))

    async def aruns(
        self, scenario: str, runner: str | None = None, *, trials: int = 1, **how: Any
    ) -> tuple[TrialView, ...]:
        """Run trials from an async test; see `runs`."""
        work = self._work(scenario, runner, trials, **how)
        with _skipping():
            return self._told(await self._session.background.wait(work))

    def _work(
        self, scenario: str, runner: str | None, trials: int, *, changes: Changes | None = None,
        variant: str | None = None, model: Literal["scripted", "replay"] = "scripted",
        cassettes: str = "cassettes", seed: int = 0, stream: bool = False,
        timeout_s: float | None = None, approver: Literal["auto", "deny", "script"] | None = None,
    ) -> Coroutine[Any, Any, list[Trial]]:
        folder, parameter = self._node.path.parent, self._parameter
        runner = runner or self.runner
        if runner is None:
            raise UsageError(
                f"dyno.run({scenario!r}) names no runner, and neither does the test.",
                "@pytest.mark.dyno(runners=[...]), or --dyno-runner NAME",
            )
        if model not in ("scripted", "replay"):
            raise UsageError(f"model={model!r}: a test asks no provider.",
                             "model='scripted' or model='replay'")
        change = Variant.model_validate({"agents": dict(changes)}) if changes else None
        if change is None and parameter is not None:
            change, variant = parameter.change, parameter.variant
        options = RunOptions(
            scenarios=(str(folder / scenario) if "/" in scenario else scenario,),
            runners=(placed(runner, folder),), trials=trials, seed=seed, stream=stream,
            timeout_s=timeout_s, model=model, cassettes=folder / cassettes, approver=approver,
            tools="replay" if model == "replay" else "live",
        )
        return self._trials(options, variant or ("changed" if change else BASELINE), change)

    async def _trials(
        self, options: RunOptions, variant: str, change: Variant | None
    ) -> list[Trial]:
        return await self._session.trials(options, variant, change)

    def _told(self, trials: list[Trial]) -> tuple[TrialView, ...]:
        from agentdyno.cli.pytesting.properties import tell

        views = tuple(map(TrialView, trials))
        tell(self._node, views)
        return views
