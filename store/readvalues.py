"""The values of single trials, by arm and case, for statistics that need more than counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from agentdyno.store.database import Pool, connected

METRICS: Mapping[str, str] = {
    "passed": "(passed > 0 AND failed = 0 AND undecided = 0)::integer",
    "model_calls": "model_calls - user_calls",
    "prompt_tokens": "prompt_tokens - user_prompt_tokens",
    "completion_tokens": "completion_tokens - user_completion_tokens",
    "tool_calls": "tool_calls",
    "coordination_tokens": "coordination_tokens",
    "cost_usd": "cost_usd",
    "wall_s": "duration_s",
    "cpu_s": "CASE WHEN NOT cold THEN cpu_s END",
    "first_token_s": "first_token_s",
}
"""SQL of each metric of `experiments.compare.metrics`; null where a trial has no value."""

# Only what is asked for: whole rows would have to be sorted.
_NEWEST = """
    SELECT row_id, id, scenario, case_name, runner, runner_version, variant, {columns},
        row_number() OVER (
            PARTITION BY scenario, case_name, runner, runner_version, variant ORDER BY row_id DESC
        ) AS place
    FROM trial
    WHERE NOT superseded AND outcome NOT IN ('harness_fault', 'cancelled')
        AND model = %(model)s AND tools = %(tools)s AND retries = %(retries)s
        AND faults = %(faults)s AND approver = %(approver)s AND stream = %(stream)s
        AND (runner, runner_version, variant) IN (
            SELECT * FROM unnest(%(runners)s::text[], %(versions)s::text[], %(variants)s::text[])
        )
        AND (%(scenarios)s::text[] IS NULL OR scenario = ANY(%(scenarios)s))
        AND (%(matrix)s::text IS NULL OR matrix_id = %(matrix)s)
"""
_VALUES = """
    SELECT runner, runner_version, variant, scenario, case_name, {metrics}
    FROM ({{newest}}) AS t WHERE place <= %(most)s
    GROUP BY runner, runner_version, variant, scenario, case_name
    ORDER BY runner, runner_version, variant, scenario, case_name
"""
_CHECKS = """
    SELECT runner, runner_version, variant, scenario, case_name, v.check_id,
        count(*) FILTER (WHERE v.status = 'pass') AS passed,
        count(*) FILTER (WHERE v.status = 'fail') AS failed
    FROM ({newest}) AS t JOIN verdict v ON v.trial = t.row_id
    WHERE place <= %(most)s AND v.status IN ('pass', 'fail')
    GROUP BY runner, runner_version, variant, scenario, case_name, v.check_id
"""
_EXAMPLES = """
    SELECT runner, runner_version, variant, scenario, case_name,
        (array_agg(id ORDER BY row_id DESC) FILTER (WHERE all_passed))[1] AS passing,
        (array_agg(id ORDER BY row_id DESC) FILTER (WHERE NOT all_passed))[1] AS failing
    FROM (
        SELECT * FROM ({newest}) AS n
        WHERE (scenario, case_name) IN (SELECT * FROM unnest(%(s)s::text[], %(c)s::text[]))
    ) AS t WHERE place <= %(most)s
    GROUP BY runner, runner_version, variant, scenario, case_name
"""


@dataclass(frozen=True, kw_only=True)
class ArmKey:
    """Trials that are compared as one."""

    runner: str
    runner_version: str
    variant: str = "baseline"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which trials: those of some arms, all under the same conditions."""

    arms: tuple[ArmKey, ...]
    model: str = "scripted"
    tools: str = "live"
    retries: str = "uniform"
    faults: str = ""
    approver: str = ""
    stream: bool = False
    scenarios: tuple[str, ...] | None = None
    """None for all."""
    matrix: str | None = None
    """Only what this run executed; None for all."""
    most: int = 1_000_000
    """Trials of one case and arm, the newest ones."""

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the queries."""
        return {
            "model": self.model, "tools": self.tools, "retries": self.retries,
            "faults": self.faults, "approver": self.approver, "stream": self.stream,
            "runners": [arm.runner for arm in self.arms],
            "versions": [arm.runner_version for arm in self.arms],
            "variants": [arm.variant for arm in self.arms],
            "scenarios": None if self.scenarios is None else list(self.scenarios),
            "matrix": self.matrix, "most": self.most,
        }


ByArm = dict[ArmKey, dict[str, dict[str, list[float]]]]
"""Values by arm, metric, and situation (`scenario:case`)."""


class ReadValues:
    """Values in Postgres. Every method raises `HarnessFault` when the database is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def values(self, wanted: Wanted, metrics: Sequence[str] = tuple(METRICS)) -> ByArm:
        """Return the values of `metrics` (names of METRICS); an arm without trials has no case."""
        columns = ", ".join(f"({METRICS[name]})::float8 AS m_{name}" for name in metrics)
        arrays = ", ".join(
            f"array_agg(m_{name} ORDER BY row_id) FILTER (WHERE m_{name} IS NOT NULL) AS m_{name}"
            for name in metrics
        )
        found: ByArm = {arm: {name: {} for name in metrics} for arm in wanted.arms}
        for row in await self._rows(_VALUES.format(metrics=arrays), columns, wanted):
            arm, case = _place(row)
            for name in metrics:
                if some := row[f"m_{name}"]:
                    found[arm][name][case] = some
        return found

    async def checks(self, wanted: Wanted) -> ByArm:
        """Return 1 for each pass and 0 for each fail, by arm, check and situation."""
        found: ByArm = {arm: {} for arm in wanted.arms}
        for row in await self._rows(_CHECKS, "model", wanted):
            arm, case = _place(row)
            by_case = found[arm].setdefault(str(row["check_id"]), {})
            by_case[case] = [1.0] * row["passed"] + [0.0] * row["failed"]
        return found

    async def examples(
        self, wanted: Wanted, cases: Sequence[tuple[str, str]]
    ) -> dict[tuple[ArmKey, str], tuple[str | None, str | None]]:
        """Return by arm and situation the newest trial that passed and the newest that did not.

        Args:
            cases: scenario and case.
        """
        more = {"s": [one for one, _ in cases], "c": [case for _, case in cases]}
        columns = "(passed > 0 AND failed = 0 AND undecided = 0) AS all_passed"
        rows = await self._rows(_EXAMPLES, columns, wanted, more)
        return {_place(row): (row["passing"], row["failing"]) for row in rows}

    async def _rows(
        self, query: str, columns: str, wanted: Wanted, more: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        query = query.replace("{newest}", _NEWEST.format(columns=columns))
        async with (
            connected(self._pool) as link, link.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(query.encode(), {**wanted.parameters, **(more or {})})
            return await cursor.fetchall()


def _place(row: Mapping[str, Any]) -> tuple[ArmKey, str]:
    arm = ArmKey(runner=row["runner"], runner_version=row["runner_version"],
                 variant=row["variant"])
    scenario, case = row["scenario"], row["case_name"]
    return arm, f"{scenario}:{case}" if case else scenario
