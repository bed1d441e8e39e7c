"""`experiment propose`: causes of failures, what a model may answer, and what is made of it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr

from agentdyno.cli.proposing import Whose, propose_variants
from agentdyno.core.errors import UsageError
from agentdyno.core.event import Fault, ToolCall
from agentdyno.core.override import AgentOverride
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.sink import Sink
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, Verdict
from agentdyno.core.variant import Variant
from agentdyno.experiments.abtest.reading import read_experiment
from agentdyno.experiments.abtest.versions import version_of
from agentdyno.experiments.bench import Server
from agentdyno.experiments.proposing.answer import (
    ProposedVariant,
    Unusable,
    read_answer,
    variant_of,
)
from agentdyno.experiments.proposing.causes import causes
from agentdyno.experiments.proposing.propose import ProposalsRefused, Proposed
from agentdyno.models.gateway import ModelGateway
from agentdyno.models.script import load_script
from agentdyno.models.scripted import ScriptedUpstream
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.experiments import ExperimentStore, LookRow
from agentdyno.store.promotions import PromotionLog
from agentdyno.store.spending import spending
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.abtested import design
from agentdyno.tests.experiments.trials import sealed

KEY = "sk-secret-of-the-provider-0123456789"
SCENARIO = "parcel_claims"
GOOD = json.dumps({"variants": [{
    "name": "read_first", "title": "Read first", "why": "It guesses.",
    "agents": {"clerk": {"append": "Search the rules. {{ company }} has many. \"0o17\": no"}},
}]})


def trial(case: str, *, passed: bool = False, runner: str = "crewai", **changes: Any) -> Trial:
    made = sealed(runner, passed=passed)
    verdict = Verdict(
        check="right_figure", status="pass" if passed else "fail", reason="no ```json causes 520"
    )
    return made.model_copy(update={
        "id": f"{runner}-{case}", "answers": (f"We pay 250 euros for {case}.",),
        "key": made.key.model_copy(update={"scenario": SCENARIO, "case": case}),
        "verdicts": (verdict,), **changes,
    })


def tool_error(agent: str = "clerk") -> ToolCall:
    return ToolCall(
        agent=agent, started_s=0.0, ended_s=0.1, ordinal=0, server="docs", tool="search",
        arguments={}, is_error=True, error_kind="timeout", result_text="too slow",
    )


def test_failures_are_grouped_by_cause_and_the_commonest_is_first() -> None:
    fault = Fault(agent="clerk", started_s=0, ended_s=0, channel="model", ordinal=0,
                  fault="http_429")
    found = causes([
        trial("lost"), trial("damaged"), trial("late", passed=True),
        trial("customs", events=(tool_error(), tool_error())),
        trial("crash", outcome=Outcome.LIMIT, reason="too many turns", events=(fault,)),
        trial("ours", outcome=Outcome.HARNESS_FAULT),
    ])
    assert [(one.kind, one.what, one.agent, one.trials, one.of) for one in found] == [
        ("check", "right_figure", "", 3, 5),
        ("fault", "model: http_429", "clerk", 1, 5),
        ("outcome", "limit", "", 1, 5),
        ("tool_error", "docs.search: timeout", "clerk", 1, 5),
    ]
    assert found[0].cases == ("parcel_claims:lost", "parcel_claims:damaged",
                              "parcel_claims:customs")
    assert found[3].examples[0].why == "too slow"


@pytest.mark.parametrize(("change", "said"), [
    ({"agents": {"clerk": {"tools": ["mailbox.*"]}}}, "unknown key"),
    ({"agents": {"clerk": {"risk_threshold": "high"}}}, "unknown key"),
    ({"agents": {"clerk": {"model": "openai:gpt-5"}}}, "unknown key"),
    ({"prompts": {"clerk": "file:/etc/passwd"}}, "unknown key"),
    ({"script": "other.yaml"}, "unknown key"),
    ({"agents": {}}, "it changes nothing"),
    ({"name": "production"}, "means something else"),
    ({"name": "c"}, "already"),
    ({"name": "No Name"}, "pattern"),
    ({"pattern": {"type": "anarchy"}}, "none of"),
])
def test_words_and_routing_may_be_proposed_and_nothing_else(
    change: dict[str, Any], said: str
) -> None:
    one = {"name": "x", "title": "t", "agents": {"clerk": {"append": "Read."}}} | change
    with pytest.raises(Unusable, match=said):
        read_answer(json.dumps({"variants": [one]}), taken=("a", "b", "c"), most=3)


def test_what_is_appended_to_an_appended_prompt_is_written_as_a_whole() -> None:
    base = Variant(agents={"clerk": AgentOverride(append="Be warm.", temperature=0.5)})
    proposed = ProposedVariant.model_validate_json(json.dumps(json.loads(GOOD)["variants"][0]))
    made = variant_of(proposed, base, {"clerk": "You are a clerk.\n\nBe warm."}).agents["clerk"]
    assert made.append is None
    assert made.temperature == 0.5
    assert str(made.instructions).startswith("You are a clerk.\n\nBe warm.\n\nSearch the rules.")


class Lab:
    """Proposes in a folder of its own, from stored failures."""

    def __init__(self, folder: Path, database: str, pool: Pool) -> None:
        self.folder, self.pool = folder, pool
        self.settings = Settings(
            cache=folder / "cache", database_url=SecretStr(database), environment={"MINE_KEY": KEY}
        )

    async def propose(self, script: str | None = None, **options: Any) -> Proposed:
        path = None if script is None else self.script(script)
        asked = RunOptions(scenarios=(SCENARIO,), runners=(), **options)
        whose = Whose(experiment=None, scenario=SCENARIO, variant=None, matrix=None)
        return await propose_variants(
            self.settings, asked, whose, most=3, script=path, temperature=None
        )

    def script(self, rules: str) -> Path:
        path = self.folder / "rules.yaml"
        path.write_text(f"verbatim: true\nagents:\n  proposer:\n{rules}")
        return path

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*_proposed_*.yaml"))


@pytest.fixture
async def lab(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Lab]:
    monkeypatch.chdir(tmp_path)
    pool = await open_pool(database)
    store = TrialStore(pool)
    matrix = await store.create_matrix("test", {})
    cases = ("lost", "damaged", "late")
    await store.save(matrix, [
        *((trial(case), ()) for case in cases), (trial("customs", passed=True), ()),
    ])
    yield Lab(tmp_path, database, pool)
    await pool.close()


async def test_proposals_are_an_experiment_that_nobody_has_promoted(lab: Lab) -> None:
    done = await lab.propose()
    again = await lab.propose()
    assert lab.files() == [f"{SCENARIO}_proposed_{n}.yaml" for n in (1, 2)]
    loaded = read_experiment(done.file)
    assert loaded.experiment.scenarios == (SCENARIO,)
    assert loaded.experiment.baseline == "baseline"
    assert loaded.experiment.variants == done.variants == again.variants
    assert "right_figure: 3 of 4 trials" in done.file.read_text()
    assert await PromotionLog(lab.pool).history() == []


async def test_proposals_for_an_experiment_lie_beside_it_and_ask_what_it_asked(lab: Lab) -> None:
    folder = lab.folder / "mine"
    folder.mkdir()
    (folder / "tone.yaml").write_text(
        "name: tone\nhypothesis: h\nscenarios: [parcel_claims]\nrunners: [langgraph]\n"
        "variants:\n  warm: {agents: {clerk: {append: Be warm., temperature: 0.5}}}\n"
        "metric: check:right_figure\nmargin: 0.2\nsize: {trials: 7}\n"
    )
    loaded = read_experiment(folder / "tone.yaml")
    plan = design(loaded.experiment)
    store = ExperimentStore(lab.pool)
    row = await version_of(store, loaded.experiment, plan, who="ada", new=False)
    warm = [
        one.model_copy(update={
            "id": f"warm-{one.id}", "key": one.key.model_copy(update={"variant": "warm"}),
        })
        for one in (trial("lost"), trial("late", passed=True))
    ]
    matrix = await TrialStore(lab.pool).create_matrix("test", {})
    await TrialStore(lab.pool).save(matrix, [(one, ()) for one in warm])
    await store.keep_look(row.id, LookRow(
        look=1, matrix_id=matrix, rounds=1, said={}, looked_at=datetime.now(UTC),
    ), {"warm": [one.id for one in warm]})

    whose = Whose(experiment=str(folder / "tone.yaml"), scenario=None, variant="warm", matrix=None)
    done = await propose_variants(
        lab.settings, RunOptions(scenarios=("tone",), runners=()), whose, most=3, script=None,
        temperature=None,
    )

    assert done.file == folder / "tone_proposed_1.yaml"
    assert (done.causes[0].trials, done.causes[0].of) == (1, 2)
    made = read_experiment(done.file).experiment
    assert (made.metric, made.margin, made.size.trials, made.runners) == (
        "check:right_figure", 0.2, 7, ("langgraph",)
    )
    assert made.baseline == "warm"
    assert made.variants["warm"] == loaded.experiment.variants["warm"]
    clerk = made.variants["look_up_first"].agents["clerk"]
    assert clerk.temperature == 0.5
    assert "Be warm.\n\nSearch the rules" in str(clerk.instructions)


async def test_an_answer_that_cannot_be_used_is_asked_for_once_more(lab: Lab) -> None:
    done = await lab.propose(
        f"  - {{when: find('cannot be used'), say: '{GOOD}'}}\n  - say: I would rather not.\n"
    )
    assert done.answered.calls == 2
    clerk = read_experiment(done.file).experiment.variants["read_first"].agents["clerk"]
    assert clerk.append == "Search the rules. {{ company }} has many. \"0o17\": no"


@pytest.mark.parametrize(("answer", "said"), [
    ("nothing", "no JSON object"),
    ('{"variants": []}', "variants"),
    (GOOD.replace("clerk", "boss"), "no agent 'boss'"),
    (GOOD.replace("company", "nobody_knows"), "nobody_knows"),
])
async def test_after_two_useless_answers_nothing_is_written(
    lab: Lab, answer: str, said: str
) -> None:
    with pytest.raises(ProposalsRefused, match=said):
        await lab.propose(f"  - say: '{answer}'\n")
    assert lab.files() == []


async def test_where_nothing_failed_no_model_is_asked(lab: Lab) -> None:
    whose = Whose(experiment=None, scenario=SCENARIO, variant=None, matrix="no such run")
    with pytest.raises(UsageError, match="no trial of 'parcel_claims' is stored"):
        await propose_variants(
            lab.settings, RunOptions(scenarios=(SCENARIO,), runners=()), whose, most=3,
            script=None, temperature=None,
        )


async def test_a_live_proposer_is_on_the_bill_and_on_a_cassette(lab: Lab) -> None:
    path = lab.script(
        f"  - {{when: find('cannot be used'), say: '{GOOD}'}}\n  - say: Garbage.\n"
    )
    upstream = ScriptedUpstream(load_script(path, ["proposer"], {}), 0)
    gateway, sink = ModelGateway(), Sink(trial_id="provider", token=KEY)
    spec = AgentSpec(name="proposer", role="r", goal="g", instructions="i")
    gateway.open(sink, [spec], upstream)
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}/t/provider/proposer/v1"
    server = Server(uvicorn.Config(
        gateway, http="httptools", lifespan="off", log_config=None, access_log=False
    ))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    providers = lab.folder / "providers.yaml"
    providers.write_text(f"providers:\n  mine: {{base_url: {base}, key_env: MINE_KEY}}\n")
    live: dict[str, Any] = {"llm": "mine:big", "providers": providers,
                            "cassettes": lab.folder / "cassettes"}
    try:
        done = await lab.propose(model="record", **live)
    finally:
        server.should_exit = True
        await serving
        listener.close()

    assert done.answered.model == "mine:big"
    [row] = await spending(lab.pool, date(2020, 1, 1))
    assert (row.proposer, row.calls, row.model) == (True, 2, "big")
    assert not row.judge
    [cassette] = (lab.folder / "cassettes").rglob("*.yaml")
    assert cassette.parts[-3:-1] == (SCENARIO, "proposer")
    assert KEY not in cassette.read_text()

    replayed = await lab.propose(model="replay", cassettes=lab.folder / "cassettes")
    assert replayed.variants == done.variants
    assert len(await spending(lab.pool, date(2020, 1, 1))) == 1
