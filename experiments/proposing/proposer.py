"""Asks a model, through the gateway, for variants that would remove the causes of failures."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from agentdyno import __version__
from agentdyno.agents.template import render
from agentdyno.core.canonical import content_hash
from agentdyno.core.errors import HarnessFault
from agentdyno.core.event import ModelCall, WireRecord
from agentdyno.core.judged import PROPOSER
from agentdyno.core.model import ModelChoice
from agentdyno.core.pattern import Pattern
from agentdyno.core.settings import Budget, RunOptions
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, WorkerReport
from agentdyno.evals.judges.faults import JudgeFault
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.judging import Judging, open_judging
from agentdyno.experiments.measured import total_cost
from agentdyno.experiments.plan import Prepared, trial_id
from agentdyno.experiments.proposing.answer import Proposals, Unusable
from agentdyno.experiments.proposing.causes import Cause
from agentdyno.experiments.proposing.subject import Subject
from agentdyno.experiments.sources import Sources
from agentdyno.models.script import Script
from agentdyno.scenarios.loader import LoadedScenario

HERE = Path(__file__).parent
SCRIPT = HERE / "script.yaml"
"""Rules of the scripted model where nobody names others."""
ATTEMPTS = 2
"""An answer that cannot be used is told to the model once."""

Read = Callable[[str], Proposals]
"""Reads an answer; raises `Unusable`."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A proposing to be made; answered like the judging of a trial."""

    id: str
    key: TrialKey
    scenario: LoadedScenario
    script: Script | None
    choices: Mapping[str, ModelChoice]


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came of it."""

    proposals: Proposals | None
    """Null when no answer could be used."""
    problems: tuple[str, ...]
    """What was wrong with the last answer; none when it is used."""
    model: str
    """Who answered."""
    calls: int
    cost_usd: float | None
    """US dollars of all calls, those of unusable answers included; null when unknown."""
    trial: Trial
    """The asking as a trial, for its cassette."""
    wire: tuple[WireRecord, ...]


def speaker(subject: Subject, model: str, temperature: float | None) -> LoadedScenario:
    """Return a scenario in which nobody but the proposer speaks, with the subject's live models."""
    first = next(iter(subject.scenarios.values()))
    spec = AgentSpec(
        name=PROPOSER, role="proposer", goal="propose variants", instructions="see proposer.md",
        model=model, temperature=temperature,
    )
    return replace(
        first, agents=(), user=None, judge=spec, prompts={}, script_path=None,
        scenario=first.scenario.model_copy(update={"budget": Budget()}),
    )


def chat_of(subject: Subject, causes: Sequence[Cause], most: int) -> list[dict[str, str]]:
    """Return what the model is told."""
    system = render((HERE / "proposer.md").read_text(encoding="utf-8"), {"most": most})
    parts = [
        _block("team", _team(subject)),
        _block("causes", [cause.model_dump(mode="json") for cause in causes]),
        _block("pattern-schema", TypeAdapter(Pattern).json_schema()),
    ]
    return [
        {"role": "system", "content": system}, {"role": "user", "content": "\n\n".join(parts)},
    ]


def asked_of(
    subject: Subject, prepared: Prepared, options: RunOptions, chat: Sequence[dict[str, str]]
) -> Asked:
    """Return the proposing with its identity: equal questions have equal cassettes."""
    script = prepared.script
    names = ", ".join(dict.fromkeys(choice.model for choice in prepared.choices.values()))
    key = TrialKey(
        scenario=next(iter(subject.scenarios.values())).scenario.name, runner=PROPOSER,
        runner_version=__version__, runner_digest="", variant=subject.arm,
        scenario_digest=content_hash(list(chat)),
        model="scripted" if script else names or options.model,
        model_digest=script.digest if script else names, seed=options.seed,
    )
    return Asked(id=trial_id(key), key=key, scenario=prepared.loaded, script=script,
                 choices=prepared.choices)


async def ask(
    bench: Bench, sources: Sources, asked: Asked, chat: Sequence[dict[str, str]], read: Read
) -> Answered:
    """Ask the model, and once more where its answer cannot be used.

    Raises:
        HarnessFault: it gave no answer at all.
        DynoError: its cassette cannot be read.
    """
    said, problems = list(chat), tuple[str, ...]()
    proposals: Proposals | None = None
    async with open_judging(bench, sources, asked) as judging:
        for _ in range(ATTEMPTS):
            try:
                text = await judging.ask(said)
            except JudgeFault as fault:
                raise HarnessFault(f"{fault}.", "agentdyno experiment propose --help") from fault
            try:
                proposals, problems = read(text), ()
                break
            except Unusable as unusable:
                problems = unusable.problems
                told = "\n".join(f"- {problem}" for problem in problems)
                said += [
                    {"role": "assistant", "content": text},
                    {"role": "user", "content": f"This cannot be used:\n{told}\n\n"
                     "Answer again with the whole JSON object, corrected."},
                ]
    return _answered(asked, judging, proposals, problems)


def _answered(
    asked: Asked, judging: Judging, proposals: Proposals | None, problems: tuple[str, ...]
) -> Answered:
    calls = [event for event in judging.sink.events if isinstance(event, ModelCall)]
    models = dict.fromkeys(
        f"{call.provider}:{call.provider_model or call.model}" if call.provider else call.source
        for call in calls
    )
    trial = Trial(
        id=asked.id, key=asked.key, outcome=Outcome.COMPLETED, duration_s=0.0,
        started_at=datetime.now(UTC).isoformat(), report=WorkerReport(ended="returned"),
        judging=tuple(judging.sink.events),
    )
    return Answered(
        proposals=proposals, problems=problems, model=", ".join(models), calls=len(calls),
        cost_usd=total_cost(calls), trial=trial, wire=judging.records(),
    )


def _team(subject: Subject) -> dict[str, Any]:
    first = next(iter(subject.scenarios.values()))
    return {
        "scenarios": [
            {"name": loaded.scenario.name, "title": loaded.scenario.title,
             "variables": sorted(loaded.variables)}
            for loaded in subject.scenarios.values()
        ],
        "variant": subject.arm,
        "pattern": first.scenario.pattern.model_dump(mode="json", exclude_defaults=False),
        "agents": [
            {"name": agent.name, "role": agent.role, "goal": agent.goal,
             "tools": list(agent.tools), "memory": agent.memory,
             "instructions": subject.prompts.get(agent.name, "")}
            for agent in first.agents
        ],
    }


def _block(name: str, value: Any) -> str:
    text = json.dumps(value, indent=1, ensure_ascii=False)
    # No text of a trial may close the block that it stands in.
    return f"```json {name}\n{text.replace('```', '` ` `')}\n```"
