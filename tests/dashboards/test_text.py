"""Text of models is text: nothing in it is executed, hidden or formatted."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from agentdyno.dashboards.text import label, shorten, visible
from agentdyno.tests.dashboards.hostile import EVERYTHING, MARK, TEXTS


@pytest.mark.parametrize("kind", TEXTS)
def test_a_label_keeps_no_character_that_markdown_takes_for_more(kind: str) -> None:
    escaped = label(TEXTS[kind], 400)
    bare = re.sub(r"\\.", "", escaped)
    assert not set(bare) & set("<>[]()`*_$:!#|~{}&")
    assert MARK.replace("-", "\\-") in escaped


@pytest.mark.parametrize("kind", TEXTS)
def test_what_steers_hides_or_reorders_is_made_visible(kind: str) -> None:
    shown = visible(TEXTS[kind])
    assert MARK in shown
    assert not re.search(
        "[\x00-\x08\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]", shown
    )
    shown.encode()


def test_ordinary_text_stays_as_it_is() -> None:
    text = "Grüße, 値段は 3 < 5 & 7\n\tdone: *yes*"
    assert visible(text) == text
    assert shorten("a  b\nc") == "a b c"


def test_short_text_says_that_it_was_cut() -> None:
    assert shorten("word " * 100, 12) == "word word w…"
    assert len(label(TEXTS["long"], 30)) < 70


def test_a_long_text_is_cut_with_its_length_told() -> None:
    page = AppTest.from_string(
        "from agentdyno.dashboards.text import show\nshow('x' * 50_000)\n"
    ).run(timeout=30)
    assert len(page.code[0].value) == 20_000
    assert page.caption[0].value == "The first 20,000 of 50,000 characters."


def test_hostile_text_is_shown_in_a_block_of_code_without_a_language() -> None:
    page = AppTest.from_string(
        "from agentdyno.dashboards.text import show\n"
        "from agentdyno.tests.dashboards.hostile import EVERYTHING\nshow(EVERYTHING)\n"
    ).run(timeout=30)
    assert page.code[0].value == visible(EVERYTHING)
    assert page.code[0].language == "plaintext"
    assert not page.markdown
