"""What stands on the pages can be read, light and dark."""

import pytest

from agentdyno.dashboards import theme
from agentdyno.dashboards.charts.heat import colour

THEMES = {"light": theme.LIGHT, "dark": theme.DARK}
FADED = 0.6
"""Opacity at which Streamlit draws captions."""


@pytest.mark.parametrize("name", THEMES)
def test_texts_have_a_contrast_of_four_and_a_half(name: str) -> None:
    colours = THEMES[name]
    for ground in ("backgroundColor", "secondaryBackgroundColor"):
        for text in ("textColor", "linkColor", "grayTextColor"):
            assert theme.contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
        caption = _mixed(colours["textColor"], colours[ground])
        assert theme.contrast(caption, colours[ground]) >= 4.5, ground
    assert theme.contrast(colours["codeTextColor"], colours["codeBackgroundColor"]) >= 4.5
    assert theme.contrast("#ffffff", colours["primaryColor"]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_marks_of_charts_have_a_contrast_of_three(name: str) -> None:
    ground = THEMES[name]["backgroundColor"]
    for mark in {*theme.SERIES, *theme.VERDICTS.values(), *theme.OUTCOMES.values()}:
        assert theme.contrast(mark, ground) >= 3, mark


def test_text_can_be_read_on_every_colour_of_a_heat_map() -> None:
    for share in [None, *(n / 100 for n in range(101))]:
        ground = colour(share)
        assert theme.contrast(theme.over(ground), ground) >= 4.5, share


def test_contrast_is_that_of_the_guidelines() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def _mixed(over: str, under: str) -> str:
    parts = [
        round(FADED * int(over[at : at + 2], 16) + (1 - FADED) * int(under[at : at + 2], 16))
        for at in (1, 3, 5)
    ]
    return "#" + "".join(f"{part:02x}" for part in parts)
