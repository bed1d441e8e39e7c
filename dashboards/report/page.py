"""Sets the report: Jinja2 with every text escaped, one style sheet, no script.

The page's own policy (`default-src 'none'`) has a browser refuse whatever would load or run, even
if a text of a trial found a way past the escaping.
"""

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from agentdyno.dashboards.report import checks, results
from agentdyno.dashboards.report.contents import Contents
from agentdyno.dashboards.report.draw import Figure

FOLDER = Path(__file__).parent


def render(said: Contents, figures: Sequence[Figure]) -> str:
    """Return the report as one HTML document."""
    style = (FOLDER / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _environment().get_template("report.html.j2").render(
        said=said, figures=figures, results_note=results.NOTE, checks_note=checks.NOTE,
        style=Markup(style),  # noqa: S704 our own file
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
               "base-uri 'none'; form-action 'none'",
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_plain,
    )


def _plain(value: Any) -> Any:
    """Return a text without characters that steer, hide or reorder, such as U+202E."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        character if character in "\n\t" or unicodedata.category(character)[0] != "C"
        else "\ufffd" for character in value
    )
