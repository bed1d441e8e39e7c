"""Matrices of the store in a real MLflow: runs, traces, verdicts, artifacts."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from agentdyno.core.settings import Settings
from agentdyno.core.trial import Trial, Verdict
from agentdyno.experiments.tracking.address import ARTIFACTS, URI, tracking_address
from agentdyno.store.database import Pool, open_pool
from agentdyno.store.exports import ExportQueue
from agentdyno.store.prompts import PromptTexts
from agentdyno.store.trials import TrialStore
from agentdyno.tests.experiments.exported import PROMPT, events, sealed, tables, tools, wire

# What MLflow and SQLAlchemy warn of is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

TRACES = ("trace_info", "trace_tags", "trace_request_metadata", "assessments", "spans")
RUNS = ("experiments", "runs", "metrics", "params", "tags", "entity_associations")


@pytest.fixture(scope="module")
def empty_mlflow(postgres_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a database with MLflow's tables, made once, for others to be copied from."""
    name = "empty_mlflow"
    maintenance = postgres_dsn.replace("/agentdyno?", "/postgres?")
    with psycopg.connect(maintenance, autocommit=True) as link:
        link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        uri = postgres_dsn.replace("/agentdyno?", f"/{name}?").replace(":", "+psycopg:", 1)
        tools().schema.ready({URI: uri, ARTIFACTS: str(tmp_path_factory.mktemp("artifacts"))})
        yield name
        link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def address(
    database: str, empty_mlflow: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[dict[str, str]]:
    """Leads to an empty MLflow of this test's own, as the environment of an exporter does."""
    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"] + "_mlflow"
    maintenance = database.replace(f"/{name.removesuffix('_mlflow')}?", "/postgres?")
    async with await psycopg.AsyncConnection.connect(maintenance, autocommit=True) as link:
        await link.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(empty_mlflow)))
        found = await tracking_address(Settings(cache=tmp_path, database_url=database))
        monkeypatch.setenv(URI, found[URI])
        yield found
        await link.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database)
    yield pool
    await pool.close()


Store = Callable[..., Any]


@pytest.fixture
def stored(pool: Pool) -> Store:
    """Return a function that stores trials as one finished matrix; it returns its id."""

    async def store(trials: Sequence[Trial], secret: str = "", also: Sequence[str] = ()) -> str:
        trial_store = TrialStore(pool)
        await PromptTexts(pool).keep([PROMPT])
        matrix = await trial_store.create_matrix("agentdyno run letters", {"seed": 0})
        await trial_store.save(matrix, [(trial, wire(secret)) for trial in trials])
        await trial_store.finish_matrix(matrix, "finished")
        ids = [*also, *(trial.id for trial in trials)]
        await ExportQueue(pool).add(matrix, ["mlflow"], ids)
        return matrix

    return store


def quiet(done: int, of: int) -> None:
    """Progress that nobody looks at."""


def six() -> list[Trial]:
    """Two runners, three repeats; one fails once."""
    return [sealed(runner, repeat, passed=(runner, repeat) != ("crewai", 1))
            for runner in ("crewai", "langgraph") for repeat in range(3)]


async def test_a_scenario_is_an_experiment_a_matrix_a_run_and_a_cell_a_run_below_it(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    matrix = await stored(six())
    assert await tools().MlflowExporter(pool, environ=address).export(matrix, quiet) == 6
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters")
    assert experiment.tags["mlflow.experimentKind"] == "genai_development"
    runs = client.search_runs([experiment.experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert parent.data.tags["agentdyno.matrix"] == matrix
    assert parent.data.tags["command"] == "agentdyno run letters"
    assert parent.data.params["seed"] == "0"
    cells = {run.info.run_name: run for run in runs if run is not parent}
    assert set(cells) == {"crewai 1.2 x baseline", "langgraph 1.2 x baseline"}
    cell = cells["crewai 1.2 x baseline"]
    assert cell.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert cell.info.status == "FINISHED"
    metrics = cell.data.metrics
    for name in ("check/figures", "wall_s"):
        assert metrics[f"{name}.low"] < metrics[name] < metrics[f"{name}.high"], name
    assert metrics["check/figures"] == pytest.approx(2 / 3)
    assert metrics["trials"] == 3
    assert cell.data.params["runner"] == "crewai"
    assert cell.data.params["analyst.temperature"] == "0.0"
    assert cell.data.tags["version.crewai"] == "1.2"
    assert cell.data.tags["prompt.analyst"].startswith("letters.analyst")


async def test_a_run_keeps_table_plots_parity_versions_and_its_prompts(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    matrix = await stored([*six(), sealed(repeat=0, model="acme:m-1")])
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters").experiment_id
    runs = client.search_runs([experiment])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    folder = Path(client.download_artifacts(parent.info.run_id, ""))
    table = json.loads((folder / "comparison.json").read_text())
    assert table["columns"][:3] == ["runner", "variant", "conditions"]
    assert len(table["data"]) == 3
    assert "| crewai 1.2 | baseline |" in (folder / "comparison.md").read_text()
    assert (folder / "comparison.svg").read_text().startswith("<svg")
    live = next(run for run in runs if run.data.tags.get("model") == "acme:m-1")
    folder = Path(client.download_artifacts(live.info.run_id, ""))
    [setting] = json.loads((folder / "parity.json").read_text())["settings"]
    assert (setting["effective"], setting["trials"]) == (0.1, 1)
    assert json.loads((folder / "versions.json").read_text())["python"] == ["3.11.2"]
    assert len(list((folder / "cassettes").rglob("*.yaml"))) == 1
    version = client.get_prompt_version("letters.analyst", 1)
    assert version.template == PROMPT
    assert "letters.analyst" in live.data.tags["mlflow.linkedPrompts"]


async def test_a_trial_is_a_trace_with_its_spans_and_its_verdicts(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    await tools().MlflowExporter(pool, environ=address).export(await stored([sealed()]), quiet)
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters").experiment_id
    [trace] = client.search_traces(locations=[experiment])
    assert trace.info.request_preview == "letters · repeat 0"
    assert trace.info.response_preview == "Hold."
    assert trace.info.token_usage["total_tokens"] == 930
    types = {span.name: span.span_type for span in trace.data.spans}
    assert types["invoke_workflow letters"] == "WORKFLOW"
    assert types["invoke_agent analyst"] == "AGENT"
    assert types["chat default"] == "CHAT_MODEL"
    assert types["execute_tool returns"] == "TOOL"
    assert {"MEMORY", "GUARDRAIL"} <= set(types.values())
    root = next(span for span in trace.data.spans if span.parent_id is None)
    assert root.inputs == {"case": "letters", "repeat": 0}
    found = {one.name: one for one in trace.info.assessments}
    assert found["figures"].feedback.value is True
    assert (found["figures"].source.source_type, found["figures"].rationale) == ("CODE", "0.25")
    assert found["tone"].source.source_type == "LLM_JUDGE"
    assert found["tone"].source.source_id == "acme:judge-1"
    assert found["tone/score"].feedback.value == 0.8
    assert found["odd"].feedback.error.error_code == "INCONCLUSIVE"


async def test_an_export_that_is_repeated_changes_nothing(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    matrix = await stored(six())
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    before = tables(address[URI], *TRACES, *RUNS)
    assert await tools().MlflowExporter(pool, environ=address).export(matrix, quiet) == 6
    assert tables(address[URI], *TRACES, *RUNS) == before
    assert len(before["assessments"]) == 6 * 4


async def test_what_broke_off_in_the_middle_is_completed(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    matrix = await stored(six())
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    before = tables(address[URI], "assessments", "spans")
    with psycopg.connect(address[URI].replace("+psycopg", "")) as link:
        link.execute("DELETE FROM spans")
        link.execute("DELETE FROM trace_tags WHERE key = 'mlflow.trace.spansLocation'")
        link.execute("DELETE FROM trace_info WHERE request_preview LIKE '%repeat 1'")
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    after = tables(address[URI], "assessments", "spans")

    def ids(rows: Sequence[dict[str, Any]], name: str) -> list[str]:
        return sorted(row[name] for row in rows)

    assert ids(after["spans"], "span_id") == ids(before["spans"], "span_id")
    assert ids(after["assessments"], "assessment_id") == ids(before["assessments"],
                                                             "assessment_id")


async def test_verdicts_that_were_graded_again_are_put_right(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    matrix = await stored([sealed(repeat=0), sealed(repeat=1)])
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    verdict = Verdict(check="figures", status="fail", reason="0.26")
    async with pool.connection() as link:
        row = await link.execute(
            "INSERT INTO grading (command, harness) VALUES ('score', '1') RETURNING id")
        [grading] = await row.fetchone()
        await link.execute(
            "INSERT INTO graded (trial, grading, verdicts) SELECT row_id, %s, %s FROM trial",
            [grading, json.dumps([verdict.model_dump(mode="json")])])
        await link.execute("UPDATE trial SET grading = %s", [grading])
    await tools().MlflowExporter(pool, environ=address).export(matrix, quiet)
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters").experiment_id
    for trace in client.search_traces(locations=[experiment]):
        [one] = trace.info.assessments
        assert (one.name, one.feedback.value, one.rationale) == ("figures", False, "0.26")
    [cell] = client.search_runs([experiment], "tags.variant = 'baseline'")
    assert cell.data.metrics["check/figures"] == 0


async def test_a_trial_that_a_run_took_from_the_store_is_shown_in_both_runs(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    first = await stored([sealed(repeat=0)])
    second = await stored([sealed(repeat=1)], also=[sealed(repeat=0).id])
    exporter = tools().MlflowExporter(pool, environ=address)
    assert await exporter.export(second, quiet) == 2
    assert await exporter.export(first, quiet) == 1
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters").experiment_id
    assert len(client.search_traces(locations=[experiment])) == 2
    shown = {}
    for run in client.search_runs([experiment], "tags.variant = 'baseline'"):
        seen = client.search_traces(locations=[experiment], run_id=run.info.run_id)
        shown[run.data.tags["agentdyno.matrix"]] = len(seen)
    assert shown == {first: 1, second: 2}


async def test_two_variants_pair_by_case_and_repeat(
    pool: Pool, address: dict[str, str], stored: Store
) -> None:
    arms = [sealed(repeat=repeat, case=case, variant=variant)
            for variant in ("baseline", "brief") for case in ("a", "b") for repeat in range(2)]
    await tools().MlflowExporter(pool, environ=address).export(await stored(arms), quiet)
    client = tools().MlflowClient(address[URI])
    experiment = client.get_experiment_by_name("letters").experiment_id
    requests = {
        run.data.tags["variant"]: sorted(
            trace.info.request_preview
            for trace in client.search_traces(locations=[experiment], run_id=run.info.run_id))
        for run in client.search_runs([experiment], "tags.variant != ''")
    }
    assert requests["baseline"] == requests["brief"]
    assert len(set(requests["baseline"])) == 4


async def test_no_secret_reaches_mlflow(
    pool: Pool, address: dict[str, str], stored: Store, tmp_path: Path
) -> None:
    secret = "hunter2-hunter2"
    verdict = Verdict(check="figures", status="fail", reason=f"the answer holds {secret}\0")
    trial = sealed(model="acme:m-1", text=f"It is {secret}.", events=events(secret),
                   verdicts=(verdict,))
    matrix = await stored([trial], secret=secret)
    await tools().MlflowExporter(pool, [secret], environ=address).export(matrix, quiet)
    found = tables(address[URI], *TRACES, *RUNS)
    assert found["spans"]
    assert secret not in str(found)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("cassettes" in str(path) for path in written)
    assert not [path for path in written if secret in path.read_text(errors="replace")]


async def test_traces_that_are_inserted_in_bulk_are_those_that_mlflow_writes_itself(
    address: dict[str, str],
) -> None:
    client = tools().MlflowClient(address[URI])
    tracing = tools().TracingClient(address[URI])
    seen = []
    for bulk in (True, False):
        experiment = client.create_experiment(f"bulk {bulk}", artifact_location="file:///nowhere")
        run = client.create_run(experiment).info.run_id
        batch = [
            tools().Sealed(trial=sealed(repeat=repeat), attempt=1 + bulk, wire=wire(), run_id=run)
            for repeat in range(2)
        ]
        assert tools().TraceWriter(tracing, experiment, bulk=bulk).write(batch) == 2
        found = {
            name: [row for row in rows if _of(row, experiment, name)]
            for name, rows in tables(address[URI], *TRACES).items()
        }
        names = {
            row["request_id"]: f"trace {number}" for number, row in enumerate(
                sorted(found["trace_info"], key=lambda row: row["request_preview"]))
        }
        known = {row["request_id"] for row in found["trace_info"]}
        found |= {
            name: [row for row in tables(address[URI], name)[name] if row["request_id"] in known]
            for name in ("trace_tags", "trace_request_metadata")
        }
        seen.append(_comparable(found, names, experiment, run, 1 + bulk))
    assert seen[0] == seen[1]


def _of(row: dict[str, Any], experiment: str, name: str) -> bool:
    return str(row.get("experiment_id")) == experiment


def _comparable(
    found: dict[str, list[dict[str, Any]]], names: dict[str, str], experiment: str, run: str,
    attempt: int,
) -> dict[str, list[str]]:
    """Return rows as text, with names in place of what differs from trace to trace."""
    spans = {
        row["span_id"]:
            f"{names[row['trace_id']]}, {row['name']} {row['start_time_unix_nano']}"
        for row in found["spans"]
    }
    replaced = {**names, **spans, run: "run", **{
        row["assessment_id"]: f"{names[row['trace_id']]}, {row['name']}"
        for row in found["assessments"]}}

    def clean(value: Any, name: str) -> str:
        if name == "experiment_id":
            return "experiment"
        if name == "content":
            content = json.loads(value)
            for hidden in ("trace_id", "span_id", "parent_span_id"):
                content.pop(hidden)
            value = json.dumps(content, sort_keys=True)
        text = str(value)
        for old, new in replaced.items():
            text = text.replace(str(old), new)
        return text.replace(f'"agentdyno.trial.attempt": "{attempt}"', "attempt")

    def hidden(row: dict[str, Any]) -> bool:
        return row.get("key") == "agentdyno.attempt"

    return {
        table: sorted(str({name: clean(value, name) for name, value in sorted(row.items())})
                      for row in rows if not hidden(row))
        for table, rows in found.items()
    }
