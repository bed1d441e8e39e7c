"""Colours of code keep the contrast that texts need, on light and on dark."""

import re

import pytest

from agentdyno.dashboards.codecolours import style
from agentdyno.dashboards.theme import DARK, LIGHT, contrast

_MIXED = re.compile(r"color-mix\(in srgb, (#[0-9a-f]{6}) (\d+)%, currentColor\)")


def _mix(one: str, other: str, share: float) -> str:
    pairs = zip(bytes.fromhex(one[1:]), bytes.fromhex(other[1:]), strict=True)
    return "#" + bytes(round(share * a + (1 - share) * b) for a, b in pairs).hex()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_of_code_can_be_read(theme: dict[str, str]) -> None:
    found = _MIXED.findall(style())
    assert len(found) == 4
    for colour, share in found:
        shown = _mix(colour, theme["codeTextColor"], int(share) / 100)
        assert contrast(shown, theme["codeBackgroundColor"]) >= 4.5, colour


def test_what_has_no_colour_of_its_own_has_that_of_the_text() -> None:
    assert style().startswith("[data-testid=stCode] .token { color: inherit !important }")
