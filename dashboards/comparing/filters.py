"""What is compared: filters above the views, kept in the address."""

from collections import Counter
from dataclasses import dataclass

import streamlit as st

from agentdyno.dashboards import links
from agentdyno.dashboards.comparing import data
from agentdyno.experiments.compare.stored import arm_names, arm_of, condition_of
from agentdyno.experiments.summary import Condition
from agentdyno.store.reading import CellRow
from agentdyno.store.readvalues import ArmKey, Wanted

ALL_RUNS = "all runs"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What the user chose to compare."""

    cells: tuple[CellRow, ...]
    """Without faults, all under one condition."""
    faulty: tuple[CellRow, ...]
    """Cells under faults, of the same scenarios, runners and variants, under any condition."""
    names: dict[ArmKey, str]
    """What arms are called, in order."""
    condition: Condition
    scenarios: tuple[str, ...]
    matrix: str | None

    def wanted(self, arms: tuple[ArmKey, ...], most: int) -> Wanted:
        """Return the question for the values of `arms`."""
        one = self.condition
        return Wanted(
            arms=arms, model=one.model, tools=one.tools, retries=one.retries,
            approver=one.approver, stream=one.stream, scenarios=self.scenarios,
            matrix=self.matrix, most=most,
        )


def choose(every: list[CellRow]) -> Selection:
    """Show the filters over `every` cell and return what they leave."""
    with st.container(border=True):
        matrix = _run()
        of_run = data.cells(matrix) if matrix else every
        first, second, third = st.columns(3)
        with first:
            scenarios = links.choose_some("Scenarios", _options(of_run, "scenario"), "scenario")
        with second:
            runners = links.choose_some("Runners", _options(of_run, "runner"), "runner")
        with third:
            variants = links.choose_some("Variants", _options(of_run, "variant"), "variant")
        kept = [
            cell for cell in of_run
            if (not scenarios or cell.scenario in scenarios)
            and (not runners or cell.runner in runners)
            and (not variants or cell.variant in variants)
        ]
        clean = [cell for cell in kept if not cell.faults]
        condition = _condition(clean or kept)
    cells = tuple(cell for cell in clean if condition_of(cell) == condition)
    return Selection(
        cells=cells, faulty=tuple(cell for cell in kept if cell.faults),
        names=arm_names(arm_of(cell) for cell in cells), condition=condition, matrix=matrix,
        scenarios=tuple(sorted({cell.scenario for cell in cells})),
    )


def in_words(condition: Condition) -> str:
    """Return conditions as one line."""
    return ", ".join([
        condition.model, f"tools {condition.tools}", f"retries {condition.retries}",
        *(["streamed"] if condition.stream else []),
        *([f"approver {condition.approver}"] if condition.approver else []),
    ])


def _run() -> str | None:
    runs = data.run_names()
    found = links.choose("Run", [ALL_RUNS, *runs], "run",
                         help="What one run executed, or the newest trials of all of them.")
    return runs.get(found or "")


def _options(cells: list[CellRow], name: str) -> list[str]:
    return sorted({str(getattr(cell, name)) for cell in cells})


def _condition(cells: list[CellRow]) -> Condition:
    """Let the user choose among the conditions that trials ran under: only equals compare."""
    seen: Counter[Condition] = Counter()
    for cell in cells:
        seen[condition_of(cell)] += cell.counted
    known = {in_words(one): one for one, _ in seen.most_common()}
    if len(known) < 2:
        return next(iter(known.values()), Condition())
    found = links.choose(
        "Conditions", list(known), "conditions", help="Trials are compared with trials that ran "
        "under the same conditions; here are those of the filters above, the most frequent first.",
    )
    return known[found or next(iter(known))]
