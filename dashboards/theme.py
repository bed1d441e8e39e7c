"""Colours, light and dark. Texts keep a contrast of 4.5 and more to what they stand on, marks of
charts 3 on both backgrounds (WCAG 2.2, 1.4.3 and 1.4.11); tests/dashboards/test_theme.py counts."""

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "primaryColor": "#1d5fb8", "backgroundColor": "#ffffff",
    "secondaryBackgroundColor": "#f2f5f9", "textColor": "#0b1220", "linkColor": "#1a56a8",
    "borderColor": "#c3ccd8", "codeTextColor": "#0b1220", "codeBackgroundColor": "#f2f5f9",
    "grayTextColor": "#55606e",
}
DARK: Mapping[str, str] = {
    "primaryColor": "#3174d4", "backgroundColor": "#10151c",
    "secondaryBackgroundColor": "#1b232e", "textColor": "#e6eaf0", "linkColor": "#86b7f7",
    "borderColor": "#3d4958", "codeTextColor": "#e6eaf0", "codeBackgroundColor": "#1b232e",
    "grayTextColor": "#aab4c2",
}

GOOD, BAD, UNSURE, SAME, NEUTRAL = "#2e8b6f", "#cc4b4b", "#b07914", "#3f7fc4", "#7a8696"
"""Verdicts: better or passed, worse or failed, inconclusive, equal, and what is none of them."""
SERIES = ("#3f7fc4", "#cf6a2b", "#2e8b6f", "#a065c9", "#b07914", "#cc4b7c", "#5f8a1f", "#7a8696")
"""Runners and variants, in this order."""
VERDICTS: Mapping[str, str] = {
    "pass": GOOD, "fail": BAD, "inconclusive": UNSURE, "error": UNSURE,
    "better": GOOD, "worse": BAD, "equal": SAME,
}
OUTCOMES: Mapping[str, str] = {
    "completed": GOOD, "limit": UNSURE, "agent_fault": BAD, "harness_fault": NEUTRAL,
    "cancelled": NEUTRAL,
}
SCALE = ("#c0392b", "#d98a3d", "#d9cf6b", "#7fb98a", "#1f7a5a")
"""From 0 to 1 in a heat map; `over` gives the text that can be read on each of them."""


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours `#rrggbb`: 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def over(background: str) -> str:
    """Return black or white, whichever is read more easily on `background`."""
    return max(("#000000", "#ffffff"), key=lambda text: contrast(text, background))


def options() -> dict[str, str]:
    """Return Streamlit's options for both themes."""
    return {
        f"theme.{name}.{key}": value
        for name, colours in (("light", LIGHT), ("dark", DARK)) for key, value in colours.items()
    }


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
