"""A real worker process on the harness's own Python, hosting a runner that does what it is told."""

import sys
from pathlib import Path
from typing import Any

from agentdyno.core.pattern import Single
from agentdyno.core.spec import AgentSpec, Limits
from agentdyno.core.trial import Assignment, Endpoint
from agentdyno.runners.ref import RunnerRef
from agentdyno.runners.support import TeamWork, composed

ROOT = Path(__file__).parents[3]
ENGINE = Path(__file__).with_name("fake_engine.py")
TOKEN = "s3cret-token-of-the-trial"


def fake_ref(tmp_path: Path, **changes: Any) -> RunnerRef:
    """Return the fake runner's reference, its environment being the tests' own Python."""
    fields: dict[str, Any] = {
        "name": "fake", "version": "1", "digest": "0" * 64, "path": "fake_engine:FakeRunner",
        "package": "pydantic", "lock": tmp_path / "fake.txt",
        "folder": tmp_path / "cache" / "envs" / "fake",
        "python": Path(sys.executable),
        "modules": {"agentdyno": ROOT / "__init__.py", "fake_engine": ENGINE},
        "teamwork": TeamWork(patterns={"single": composed("does what it is told")}, hook=""),
    }
    return RunnerRef(**{**fields, **changes})


def order(trial_id: str, turn: str, timeout_s: float = 60.0) -> Assignment:
    """Return an assignment whose only user turn tells the fake runner what to do."""
    return Assignment(
        trial_id=trial_id,
        pattern=Single(agent="solo"),
        agents=(AgentSpec(name="solo", role="r", goal="g", instructions="i"),),
        user_turns=(turn,),
        endpoints={"solo": Endpoint(model_base_url="http://127.0.0.1:1/v1")},
        token=TOKEN,
        limits=Limits(timeout_s=timeout_s),
    )
