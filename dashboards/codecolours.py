"""Colours of code that can be read, in place of Streamlit's own.

Those are the same on light and dark and reach a contrast of 2 to 4, and no option changes them.
"""

from collections.abc import Mapping, Sequence

from agentdyno.dashboards.theme import BAD, GOOD, SAME, UNSURE

_TOKENS: Mapping[str, Sequence[str]] = {
    SAME: ("property", "attr-name", "tag", "keyword", "function", "title"),
    GOOD: ("string", "inserted"), BAD: ("deleted", "important"), UNSURE: ("number", "boolean"),
}
"""Parts of code by their colour."""


def style() -> str:
    """Return CSS that mixes each colour with that of the text around it, light or dark."""
    within = "[data-testid=stCode] .token"
    rules = [f"{within} {{ color: inherit !important }}"]
    for colour, names in _TOKENS.items():
        chosen = ", ".join(f"{within}.{name}" for name in names)
        mixed = f"color-mix(in srgb, {colour} 65%, currentColor)"
        rules.append(f"{chosen} {{ color: {mixed} !important }}")
    # Signs of a diff lie inside of lines that are mixed already.
    rules.append(f"{within} .token {{ color: inherit !important }}")
    return "\n".join(rules)
