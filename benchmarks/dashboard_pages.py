"""An interaction with each page over 100,000 stored trials, from the click to the page's end.

The store is made on the spot: one real sealed trial, copied by SQL with other names and numbers. A
page is run as Streamlit runs it (AppTest), without a browser; the database is a real one.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import psycopg
from figures import spread, target
from streamlit.testing.v1 import AppTest

from agentdyno.core.canonical import content_hash
from agentdyno.core.event import Message, ModelCall, Step, TokenCount, ToolCall, WireRecord
from agentdyno.core.pattern import Pipeline
from agentdyno.core.spec import AgentSpec
from agentdyno.core.trial import Outcome, Trial, TrialKey, Verdict, WorkerReport
from agentdyno.dashboards.app import PAGES
from agentdyno.store.database import open_pool
from agentdyno.store.migrations import migrate
from agentdyno.store.postgres import ensure_server, remove_server
from agentdyno.store.trials import TrialStore

SCENARIOS, CASES, VARIANTS, REPEATS = 50, 2, 2, 84
RUNNERS = ("autogen", "crewai", "langgraph", "openai_agents", "pydantic_ai", "windmill")
MOST_S = 1.0


_COPY = """
    INSERT INTO trial ({columns})
    SELECT {values}
    FROM trial t,
        generate_series(0, {scenarios} - 1) AS s, generate_series(0, {cases} - 1) AS c,
        unnest(%s::text[]) WITH ORDINALITY AS r (engine, number),
        generate_series(0, {variants} - 1) AS v, generate_series(0, {repeats} - 1) AS n,
        LATERAL (SELECT hashtext(format('%%s %%s %%s %%s %%s', s, c, engine, v, n)) & 65535 AS dice)
    WHERE t.scenario = 'template'
"""
_VALUES = {
    "id": "md5(format('%%s %%s %%s %%s %%s', s, c, engine, v, n))", "attempt": "1",
    "matrix_id": "'m' || s", "key_hash": "md5(format('%%s %%s %%s %%s %%s', s, c, engine, v, n))",
    "key": "t.key || jsonb_build_object('scenario', 'scenario_' || s, 'case', 'case_' || c,"
           " 'runner', engine, 'repeat', n)",
    "scenario": "'scenario_' || s", "case_name": "'case_' || c", "runner": "engine",
    "variant": "CASE v WHEN 0 THEN 'baseline' ELSE 'brief' END", "model": "'openai:gpt-x'",
    "repeat": "n", "outcome": "CASE WHEN dice < 600 THEN 'harness_fault' ELSE 'completed' END",
    "duration_s": "1 + dice / 30000.0", "prompt_tokens": "3000 + 100 * number + dice %% 500",
    "cpu_s": "0.05 + dice / 1e6", "passed": "CASE WHEN dice %% 10 < 7 THEN 2 ELSE 1 END",
    "failed": "CASE WHEN dice %% 10 < 7 THEN 0 ELSE 1 END", "cold": "n = 0",
    "wire_digest": "md5(dice::text)",
    "started_at": "timestamptz '2026-11-01' + n * interval '1 hour'",
}


def main(rounds: int) -> None:
    """Print one line per page and interaction."""
    with _store() as count:
        print(f"{count:,} trials stored", flush=True)
        for name, clicks in _interactions().items():
            page = AppTest.from_string(
                f"from agentdyno.dashboards.app import main\nmain({name!r})\n", default_timeout=60
            )
            first = _timed(page.run)
            _check(page, name)
            for words, click in clicks:
                took = [_timed(lambda: click(page).run()) for _ in range(rounds)]  # noqa: B023
                _check(page, name)
                met = target(median(took) <= MOST_S, f"{MOST_S:.0f} s")
                print(f"{name}: {words} {spread(took)} s, opened in {first:.2f} s; {met}",
                      flush=True)


def _interactions() -> dict[str, list[tuple[str, Callable[[AppTest], AppTest]]]]:
    """Return clicks by page: each view of Compare, each of them changing a filter, else a rerun."""
    turns = iter(range(1_000_000))

    def view(name: str) -> Callable[[AppTest], AppTest]:
        def click(page: AppTest) -> AppTest:
            runners = [RUNNERS[next(turns) % 6], RUNNERS[(next(turns) // 2) % 5 + 1]]
            page.multiselect(key="runner").set_value(list(dict.fromkeys(runners)))
            page.radio(key="view").set_value(name)
            return page

        return click

    def scenario(page: AppTest) -> AppTest:
        page.multiselect(key="scenario").set_value([f"scenario_{next(turns) % SCENARIOS}"])
        return page

    views = ("Rates", "Differences", "Trade-offs", "Distributions", "Framework tax")
    clicks = {
        row.name: [("again", lambda page: page)] for row in PAGES if row.name != "compare"
    }
    clicks["compare"] = [("a scenario,", scenario), *(
        (f"runners, {name},", view(name)) for name in views
    )]
    return clicks


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _check(page: AppTest, name: str) -> None:
    problems = [*page.exception, *page.error]
    if problems:
        raise RuntimeError(f"{name}: {problems[0].value if page.error else problems[0].message}")


@contextmanager
def _store() -> Iterator[int]:
    """Fill a database of our own, and name it in the environment as `agentdyno ui` does."""
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        try:
            dsn = asyncio.run(_fill(cache))
            os.environ |= {"AGENTDYNO_DATABASE_URL": dsn, "AGENTDYNO_CACHE": folder}
            with psycopg.connect(dsn, autocommit=True) as link:
                columns = [row[0] for row in link.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = 'trial' AND column_name <> 'row_id'"
                )]
                link.execute(_COPY.format(
                    columns=", ".join(columns), scenarios=SCENARIOS, cases=CASES,
                    values=", ".join(_VALUES.get(name, f"t.{name}") for name in columns),
                    variants=VARIANTS, repeats=REPEATS,
                ).encode(), [list(RUNNERS)])
                link.execute(
                    "INSERT INTO verdict SELECT t.row_id, n, 'check_' || n,"
                    " CASE WHEN n = 1 AND t.failed > 0 THEN 'fail' ELSE 'pass' END, ''"
                    " FROM trial t, generate_series(0, 1) AS n WHERE scenario <> 'template'"
                )
                link.execute(
                    "INSERT INTO tool_use SELECT row_id, 'market', 'returns', 1, 0, 0, 0, 0, 0, 0,"
                    " 0.1, 0.1 FROM trial WHERE scenario <> 'template'"
                )
                link.execute("VACUUM ANALYZE")
                row = link.execute("SELECT count(*) FROM trial").fetchone()
            yield int(row[0]) if row else 0
        finally:
            from agentdyno.dashboards.bridge import forget

            forget()
            asyncio.run(remove_server(cache))


async def _fill(cache: Path) -> str:
    dsn = await ensure_server(cache)
    await migrate(dsn)
    pool = await open_pool(dsn)
    try:
        store = TrialStore(pool)
        for scenario in range(SCENARIOS):
            matrix = f"m{scenario}"
            await store.create_matrix(f"agentdyno run scenario_{scenario}", {}, matrix)
            await store.finish_matrix(matrix, "finished")
        await store.save("m0", [(_template(), (WireRecord(
            seq=0, channel="model", agent="writer", started_s=0.0, request="{}", response="{}",
        ),))])
    finally:
        await pool.close()
    return dsn


def _template() -> Trial:
    """Return a trial of two agents with twenty events."""
    tokens = TokenCount(prompt=900, prompt_tools=200, completion=40)
    events = [Step(agent="analyst", started_s=0.0, ended_s=0.0, name="analyst")]
    for at in range(6):
        events += [
            ModelCall(agent="analyst", started_s=at, ended_s=at + 0.5, ordinal=at, api="chat",
                      model="default", stream=False, status=200, tokens=tokens),
            ToolCall(agent="analyst", started_s=at + 0.5, ended_s=at + 0.6, ordinal=at,
                     server="market", tool="returns", arguments={"symbol": "MSFT"},
                     is_error=False, result_text="0.25 " * 20),
            Message(agent="analyst", started_s=at + 0.7, ended_s=at + 0.7, text="So far. " * 20),
        ]
    key = TrialKey(scenario="template", scenario_digest="d", runner="crewai", runner_version="1",
                   runner_digest="d", model_digest="d", model="openai:gpt-x")
    return Trial(
        id=content_hash("template")[:20], key=key, outcome=Outcome.COMPLETED, answers=("Hold.",),
        pattern=Pipeline(steps=("analyst", "writer")), user_turns=("What now?",),
        agents=tuple(AgentSpec(name=name, role="r", goal="g", instructions="Be brief. " * 40)
                     for name in ("analyst", "writer")),
        started_at="2026-11-21T10:00:00+00:00", duration_s=1.0, events=tuple(events),
        report=WorkerReport(ended="returned", cpu_s=0.05, peak_rss_mb=100.0),
        verdicts=tuple(Verdict(check=f"check_{n}", status="pass", reason="") for n in range(2)),
        wire_digest="f" * 64,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
