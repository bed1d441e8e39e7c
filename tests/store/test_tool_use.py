"""What trials made of each tool: counted when they are stored, and once for those stored before."""

from collections.abc import Callable
from typing import Any

import psycopg

from agentdyno.core.event import Event, Fault, ToolCall
from agentdyno.core.trial import Trial, Verdict
from agentdyno.store.migrations import FOLDER
from agentdyno.store.toolrows import tool_rows
from agentdyno.store.trials import TrialStore

_MIGRATION = "0011_tool_use.sql"


def call(ordinal: int, *, agent: str = "a", tool: str = "t", took: float = 0.5,
         **more: Any) -> ToolCall:
    return ToolCall(**{
        "agent": agent, "started_s": 1.0, "ended_s": 1.0 + took, "ordinal": ordinal, "server": "s",
        "tool": tool, "arguments": {}, "is_error": "error_kind" in more, "result_text": "",
    } | more)


def fault(ordinal: int, channel: Any = "tool") -> Fault:
    return Fault(agent="a", started_s=0, ended_s=0, channel=channel, ordinal=ordinal,
                 fault="tool_error")


EVERY: tuple[Event, ...] = (
    call(0), call(1, error_kind="timeout", took=2.0), call(2, error_kind="server_crash"),
    call(3, error_kind="rejected"), call(4, error_kind="not_allowed"), call(5, error_kind="limit"),
    call(6, error_kind="invalid_arguments"), call(7, error_kind="tool_error"),
    call(8, is_error=True), call(9, source="recorded", took=9.0),
    fault(10), call(10, error_kind="timeout", took=9.0), fault(0, "model"),
    call(10, agent="b"), call(11, tool="other"), call(12, tool="odd\0" + "x" * 300),
)


def test_each_call_is_counted_in_one_column_and_faults_of_ours_say_nothing() -> None:
    rows = {row[1]: row for row in tool_rows(EVERY)}
    assert rows["t"][:2] == ("s", "t")
    calls, injected, refused, invalid, failed, broken, recorded = rows["t"][2:9]
    assert (calls, injected, refused, invalid, failed, broken, recorded) == (12, 1, 3, 1, 2, 2, 1)
    assert rows["t"][9:] == (6.5, 2.0)
    assert rows["other"][2:] == (1, 0, 0, 0, 0, 0, 0, 0.5, 0.5)


def test_a_name_that_an_agent_made_up_is_cut_and_cleaned() -> None:
    name = next(row[1] for row in tool_rows(EVERY) if row[1].startswith("odd"))
    assert name.startswith("odd\ufffd")
    assert len(name) == 200


async def test_trials_that_were_stored_before_are_counted_in_the_same_way(
    store: TrialStore, make_trial: Callable[..., Trial], database: str
) -> None:
    matrix = await store.create_matrix("run", {})
    await store.save(matrix, [
        (make_trial(events=EVERY), ()), (make_trial(1, events=(fault(0),)), ()),
        (make_trial(2), ()),
    ])
    insert = (FOLDER / _MIGRATION).read_text().partition(");\n")[2]
    everything = "SELECT * FROM tool_use ORDER BY trial, tool"
    with psycopg.connect(database) as link:
        kept = link.execute(everything).fetchall()
        link.execute("DELETE FROM tool_use")
        link.execute(insert.encode())
        counted = link.execute(everything).fetchall()
    assert counted == kept
    assert len(kept) == 4


async def test_a_reason_with_half_a_surrogate_pair_can_be_stored(
    store: TrialStore, make_trial: Callable[..., Trial]
) -> None:
    odd = "because \ud800\0"
    trial = make_trial(reason=odd, verdicts=(Verdict(check=odd, status="fail", reason=odd),))
    await store.save(await store.create_matrix("run", {}), [(trial, ())])
    assert await store.get(trial.id) == trial
    [row] = await store.list()
    assert row.reason == "because \ufffd\ufffd"
