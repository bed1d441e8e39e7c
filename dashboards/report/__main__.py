"""`python -m agentdyno.dashboards.report MATRIX --output FILE`, in the companion environment."""

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agentdyno.core.errors import DynoError
from agentdyno.dashboards.report.draw import Pen


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report and return the exit code."""
    parser = argparse.ArgumentParser(prog="agentdyno report")
    parser.add_argument("matrix")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(argv)
    # Nothing that is made here is garbage before the end, and looking for it takes a second.
    gc.disable()
    try:
        # Another process draws, and imports what it needs for that while this one does the same.
        with Pen() as pen:
            from agentdyno.core.settings import read_settings
            from agentdyno.dashboards.report.write import write_report

            write_report(read_settings(os.environ), given.matrix, given.output, pen)
    except DynoError as error:
        print(f"agentdyno: {error}", file=sys.stderr)
        return error.exit_code
    print(given.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
