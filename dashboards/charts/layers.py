"""Charts on top of each other."""

from typing import Any

import altair as alt


def layered(*charts: Any) -> alt.LayerChart:
    """Return `charts` on top of each other, the last one uppermost."""
    found = alt.layer(*charts)
    # Altair makes a facet of layers that are facets.
    assert isinstance(found, alt.LayerChart), "layers that are no facets make no facet"
    return found
