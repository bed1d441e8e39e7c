"""The in-process host keeps the promises of a pool, short of killing."""

import asyncio
import importlib
import os
from importlib import metadata
from pathlib import Path

import pytest

from agentdyno.core.errors import UsageError
from agentdyno.runners.inprocess import InProcessHost
from agentdyno.tests.runners.fakes.support import fake_ref, order

PATH = "agentdyno.tests.runners.fakes.fake_engine:FakeRunner"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InProcessHost:
    # The host sets switches in this process's environment: put them back afterwards.
    monkeypatch.setattr(os, "environ", os.environ.copy())
    version = metadata.version("pydantic")
    return InProcessHost(fake_ref(tmp_path, path=PATH, version=version), 4, grace_s=0.1)


async def test_an_answer_comes_back_as_from_a_worker(host: InProcessHost):
    report = await host.run(order("t", "say hello"), lambda event: None)
    assert report.ended == "returned"
    assert report.answer is not None
    assert report.answer.texts == ("hello",)
    assert report.parity
    assert report.versions["pydantic"] == metadata.version("pydantic")
    await host.close()


async def test_exceptions_and_overruns_are_classified_as_in_a_worker(
    host: InProcessHost, tmp_path: Path
):
    raised = await host.run(order("a", "raise boom"), lambda event: None)
    assert (raised.ended, raised.error_type) == ("raised", "ValueError")
    slow = order("b", f"wait {tmp_path / 'never'}", timeout_s=0.05)
    assert (await host.run(slow, lambda event: None)).ended == "timeout"
    assert (tmp_path / "never.cancelled").exists()


async def test_cancelling_the_run_cancels_the_trial(host: InProcessHost, tmp_path: Path):
    begun = asyncio.Event()
    slow = order("t", f"wait {tmp_path / 'never'}")
    task = asyncio.create_task(host.run(slow, lambda event: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "never.cancelled").exists()


async def test_frameworks_are_told_to_stay_quiet_here_too(host: InProcessHost):
    assert os.environ["OTEL_SDK_DISABLED"] == "true"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"package": "no-such-framework"}, "not installed in agentdyno's own environment"),
     ({"version": "0.0.1"}, "and not 0.0.1")],
)
async def test_a_package_that_is_not_here_is_refused_with_the_way_out(
    tmp_path: Path, changes: dict[str, str], message: str
):
    importlib.import_module("agentdyno.tests.runners.fakes.fake_engine")
    with pytest.raises(UsageError, match=f"{message}(.|\n)*leave out --isolation inprocess"):
        InProcessHost(fake_ref(tmp_path, path=PATH, **changes), 1)
