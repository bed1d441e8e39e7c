"""The process that draws: JSON of charts on standard input, JSON of SVG texts on standard output.

Vega runs inside vl-convert, with no network and no files: the data stand in the chart.
"""

import json
import sys
import threading
from typing import Any

import altair as alt
import vl_convert

CHARTS: dict[str, Any] = {}


def main() -> int:
    """Draw what is asked for and return the exit code."""
    # Vega's own start takes more than a second, which passes while the caller still reads.
    warm = threading.Thread(target=_warm)
    warm.start()
    asked = json.load(sys.stdin)
    warm.join()
    json.dump([svg(CHARTS[one["chart"]](**one["data"])) for one in asked], sys.stdout)
    return 0


def svg(chart: alt.TopLevelMixin) -> str:
    """Return a chart as SVG."""
    return vl_convert.vegalite_to_svg(chart.to_dict(), allowed_base_urls=[])


def _warm() -> None:
    vl_convert.vegalite_to_svg({"mark": "point", "data": {"values": []}})


if __name__ == "__main__":
    sys.exit(main())
