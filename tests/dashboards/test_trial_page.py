"""The page of one trial, opened as a browser opens it."""

import asyncio
import json
import re

import pytest

from agentdyno.core.event import Event, ModelCall
from agentdyno.core.trial import Verdict
from agentdyno.dashboards.pages.trial import SECTIONS
from agentdyno.store.database import open_pool
from agentdyno.store.trials import TrialStore
from agentdyno.tests.dashboards import stored as made
from agentdyno.tests.dashboards.hostile import EVERYTHING, FORBIDDEN, MARK
from agentdyno.tests.dashboards.stored import Page, Pair

TRIAL = made.analysis("crewai", 0, prompt=1200)[0].id
_ESCAPED = re.compile(r"\\.", re.DOTALL)
OTHER = made.analysis("langgraph", 0, prompt=900)[0].id


def store(address: str, pair: Pair) -> str:
    """Store one more trial; returns its id."""

    async def save() -> None:
        pool = await open_pool(address)
        try:
            trials = TrialStore(pool)
            await trials.save(await trials.create_matrix("agentdyno run", {}), [pair])
        finally:
            await pool.close()

    asyncio.run(save())
    return pair[0].id


def test_without_a_trial_in_the_address_it_lists_what_is_stored(
    stored: str, open_page: Page
) -> None:
    page = open_page("trial", stored)
    assert not page.exception
    assert len(page.dataframe[0].value) == 34
    only = open_page("trial", stored, scenario="order_mail", bad="true")
    assert set(only.dataframe[0].value["runner"]) == {"langgraph 1.2.22"}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_opens(stored: str, open_page: Page, section: str) -> None:
    page = open_page("trial", stored, trial=TRIAL, section=section)
    assert not page.exception
    assert not page.error


def test_a_prefix_of_an_id_does_and_an_unknown_one_is_told(stored: str, open_page: Page) -> None:
    page = open_page("trial", stored, trial=TRIAL[:8])
    assert any(TRIAL in caption.value for caption in page.caption)
    wrong = open_page("trial", stored, trial="zzz")
    assert "No trial" in wrong.error[0].value


def test_the_raw_wire_of_any_call_is_shown_and_as_a_conversation(
    stored: str, open_page: Page
) -> None:
    page = open_page("trial", stored, trial=TRIAL, section="Wire", exchange="1")
    blocks = [code.value for code in page.code]
    assert any('"temperature": 0.0' in block for block in blocks)
    assert any("Correlation 0.25." in block and "choices" in block for block in blocks)
    said = open_page("trial", stored, trial=TRIAL, section="Wire", exchange="1",
                     view="As a conversation")
    assert [code.value for code in said.code][-3:] == [
        "You are the researcher. Keep to the facts.", made.QUESTION, "Correlation 0.25.",
    ]


def test_the_wire_is_compared_with_another_trials(stored: str, open_page: Page) -> None:
    page = open_page("trial", stored, trial=TRIAL, section="Wire diff", other=OTHER[:10])
    assert not page.exception
    # The two ask for the same in these made-up trials; only what came back is counted otherwise.
    assert page.success
    tokens = page.dataframe[0].value
    assert list(tokens["agent"]) == ["researcher", "researcher", "writer", "all calls"]


def test_verdicts_stand_with_their_reasons_failed_ones_first(
    stored: str, open_page: Page
) -> None:
    flaky = made.analysis("autogen", 1, prompt=1000, passed=False)[0].id
    page = open_page("trial", stored, trial=flaky, section="Verdicts")
    assert [code.value for code in page.code][:2] == [
        "AAPL is not named", "one mail to the committee",
    ]


def test_a_trial_of_five_thousand_events_opens_page_by_page(
    stored: str, open_page: Page
) -> None:
    calls: list[Event] = []
    wire = []
    for n in range(5000):
        call, record = made.model_call("researcher", n, 0.5 * n, 900, text=f"text {n}")
        calls.append(call)
        wire.append(record)
    trial, _ = made.analysis("crewai", 9)
    long = trial.model_copy(update={"id": "5" * 20, "events": tuple(calls)})
    store(stored, (long, made.numbered(*wire)))
    for section in ("Conversation", "Time", "Wire", "Who spoke to whom"):
        page = open_page("trial", stored, trial=long.id, section=section)
        assert not page.exception, section
        assert len(page.code) + len(page.markdown) < 300, section
        assert all(len(frame.value) <= 200 for frame in page.dataframe), section
    whole = open_page("trial", stored, trial=long.id, section="Wire", exchange="4999")
    assert any("text 4999" in code.value for code in whole.code)


def hostile_trial() -> Pair:
    """Return a trial in which everything that anybody could write is hostile."""
    trial, wire = made.analysis("crewai", 8)
    text = EVERYTHING

    def poisoned(event: Event) -> Event:
        given = event.model_dump()
        for name in ("text", "query", "result_text", "detail", "reason", "error"):
            if name in given:
                given[name] = text
        if isinstance(event, ModelCall):
            given |= {"status": 500, "tools_called": (text,), "model": text}
        if event.kind == "step":
            given["name"] = text
        if event.kind == "tool_call":
            given |= {"tool": text, "server": text, "arguments": {text: text}, "is_error": True}
        if event.kind == "message":
            given["to"] = (text,)
        return type(event).model_validate(given)

    # A file cannot hold half a surrogate pair, so no agent's definition can.
    whole = text.replace("\ud800", "")
    request = json.dumps({"model": text, "messages": [{"role": "user", "content": text}]})
    return trial.model_copy(update={
        "id": "6" * 20, "events": tuple(map(poisoned, trial.events)), "reason": text,
        "answers": (text,), "user_turns": (text,), "notes": (text,),
        "verdicts": (Verdict(check=text, status="fail", reason=text),),
        "agents": tuple(
            spec.model_copy(update={"role": whole, "instructions": whole}) for spec in trial.agents
        ),
    }), tuple(
        record.model_copy(update={"request": request, "response": text}) for record in wire
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_hostile_text_is_shown_as_text(stored: str, open_page: Page, section: str) -> None:
    found = store(stored, hostile_trial())
    page = open_page("trial", stored, trial=found, section=section, exchange="0", other=TRIAL)
    assert not page.exception
    told = [*page.markdown, *page.caption, *page.subheader, *page.warning, *page.error, *page.info]
    for element in told:
        assert not getattr(element, "allow_html", False)
        meant = _ESCAPED.sub("", element.value)
        assert not any(word in meant for word in FORBIDDEN), element.value
    shown = [code.value for code in page.code] + [element.value for element in told]
    if section not in ("Time", "Who spoke to whom"):
        assert any(MARK in text.replace("\\", "") for text in shown)
