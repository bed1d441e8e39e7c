"""The part of the experiments page that approves, promotes and rolls back."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from agentdyno.core.errors import UsageError
from agentdyno.core.promotion import CANDIDATE, PRODUCTION, PromotionKind, PromotionRow
from agentdyno.core.settings import Settings
from agentdyno.dashboards import access, frame
from agentdyno.dashboards.bridge import ask, settings
from agentdyno.dashboards.experimentview import history_cells, scenarios_of, stands
from agentdyno.dashboards.promoting import PATIENCE_S, Wish, fulfil
from agentdyno.dashboards.said import attempt, told
from agentdyno.dashboards.text import label, visible
from agentdyno.experiments.abtest.standing import Standing
from agentdyno.experiments.promotion.evidence import evidence_of
from agentdyno.experiments.prompts.registry import CompanionRegistry
from agentdyno.store.database import Pool
from agentdyno.store.promotions import PromotionLog

_WISH, _REASON = "promotion_wish", "promotion_reason"
_DOING = {"approve": "Approving", "promote": "Promoting", "rollback": "Rolling back"}
_HISTORY = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class _Log:
    """What the promotion log says about one experiment and its scenarios."""

    production: dict[str, PromotionRow | None]
    candidate: dict[str, PromotionRow | None]
    newest: int
    standing: bool
    """Whether there is a promotion to take back."""
    unfinished: Sequence[PromotionRow]
    history: Sequence[PromotionRow]


def fulfil_wish() -> None:
    """Do what the user asked for before the page was drawn anew, and say what came of it."""
    wish: Wish | None = st.session_state.pop(_WISH, None)
    if wish is not None:
        known = settings()
        with st.spinner(f"{_DOING[wish.kind]} {label(wish.variant)} …"):
            attempt("promotion", lambda pool: _fulfilled(pool, wish, known), PATIENCE_S)
        st.cache_data.clear()
    told("promotion")


async def _fulfilled(pool: Pool, wish: Wish, known: Settings) -> str:
    # One process for all questions: importing MLflow is most of the time.
    async with CompanionRegistry(known) as registry:
        return await fulfil(pool, wish, registry)


def promotion(found: Standing, arm: str, *, newest: bool) -> None:
    """Show what stands, what may be done with variant `arm`, and what was done.

    Args:
        found: the experiment.
        arm: the variant that is looked at.
        newest: whether this is the experiment's newest version: older ones are history.
    """
    st.subheader("Promotion")
    scenarios = scenarios_of(found, arm)
    log = ask(lambda pool: _read(pool, found.row.name, scenarios))
    for scenario in scenarios:
        st.text(visible(
            f"{scenario}: {_stands(log.production[scenario], scenario)} in production,"
            f" {_stands(log.candidate[scenario], scenario)} approved last"
        ))
    for entry in log.unfinished:
        st.warning(label(
            f"entry {entry.id}: {entry.who} has been at {entry.kind} {entry.variant} since"
            f" {entry.at:%H:%M:%S}; if that process is gone, whoever acts next finds out how it"
            " ended", 300,
        ))
    if newest:
        _actions(found, arm, scenarios, log)
    else:
        st.caption("This is an older version; choose the newest one to promote anything of it.")
    if log.history:
        frame.table(history_cells(log.history), key="promotions", plain=True)
    else:
        st.text("Nothing of this experiment was approved or promoted yet.")


def _actions(found: Standing, arm: str, scenarios: tuple[str, ...], log: _Log) -> None:
    st.text_input("Reason, for the log", key=_REASON, max_chars=500)
    why_not = _why_not(found, arm)

    def button(kind: PromotionKind, words: str, disabled: bool) -> None:
        st.button(words, key=f"promotion-{kind}", disabled=disabled, on_click=_ask, args=(
            kind, found.row.name, found.row.digest, arm, scenarios, log.newest,
        ))

    with st.container(horizontal=True):
        button("approve", f"Approve {label(arm)}", False)
        button("promote", f"Promote {label(arm)}", bool(why_not))
        button("rollback", "Roll back production", not log.standing)
    if why_not:
        st.caption(label(why_not, 400))


def _ask(
    kind: PromotionKind, experiment: str, definition: str, arm: str, scenarios: tuple[str, ...],
    seen: int,
) -> None:
    # Callbacks get what was drawn with the button, so that `seen` is what the user saw.
    st.session_state[_WISH] = Wish(
        kind=kind, experiment=experiment, definition=definition, variant=arm, scenarios=scenarios,
        seen=seen, who=access.actor(), reason=str(st.session_state.get(_REASON, "")).strip(),
    )


def _why_not(found: Standing, arm: str) -> str:
    try:
        evidence_of(found, arm).check(found.row.digest, arm)
    except UsageError as error:
        return error.message
    return ""


async def _read(pool: Pool, experiment: str, scenarios: tuple[str, ...]) -> _Log:
    log = PromotionLog(pool)
    moved = await log.history(scenarios=scenarios, alias=PRODUCTION, state="done", limit=10_000)
    undone = {entry.undoes for entry in moved}
    return _Log(
        production={one: await log.head([one], PRODUCTION) for one in scenarios},
        candidate={one: await log.head([one], CANDIDATE) for one in scenarios},
        newest=moved[0].id if moved else 0,
        standing=any(one.kind == "promote" and one.id not in undone for one in moved),
        unfinished=await log.unfinished(),
        history=await log.history(experiment=experiment, limit=_HISTORY),
    )


def _stands(entry: PromotionRow | None, scenario: str) -> str:
    return stands(entry.becomes.get(scenario) if entry else None)
