"""Has charts drawn by a process beside this one: Altair and Vega take seconds to import, which pass
while the trials are read."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from markupsafe import Markup

from agentdyno.core.errors import HarnessFault


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One chart."""

    title: str
    text: str
    """What it shows and how to read it."""
    svg: Markup


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A chart that is to be drawn."""

    title: str
    text: str
    chart: str
    """Name in `pen.CHARTS`."""
    data: dict[str, Any]
    """Arguments of that chart, fit for JSON."""


class Pen:
    """A process that draws once; enter it before anything else is done."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "agentdyno.dashboards.report.pen"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def draw(self, wanted: Sequence[Planned]) -> Callable[[], tuple[Figure, ...]]:
        """Hand over what is to be drawn; the result waits for it to be.

        Raises:
            HarnessFault: it cannot be drawn.
        """
        asked = json.dumps([{"chart": one.chart, "data": one.data} for one in wanted])
        assert self._process.stdin is not None
        # Read to its end before anything is written back, so neither waits for the other.
        self._process.stdin.write(asked.encode())
        self._process.stdin.close()
        self._process.stdin = None

        def drawn() -> tuple[Figure, ...]:
            out, _ = self._process.communicate()
            if self._process.returncode:
                raise HarnessFault(
                    "The charts of the report cannot be drawn; the lines above say why.",
                    "agentdyno env sync ui",
                )
            return tuple(
                # Vega escapes every text that it writes into an SVG.
                Figure(title=one.title, text=one.text, svg=Markup(svg))  # noqa: S704
                for one, svg in zip(wanted, json.loads(out), strict=True)
            )

        return drawn
