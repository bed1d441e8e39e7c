"""All benchmarks in one command: `./dyno bench [SECTION...] [--rounds N]`.

Everything is a ratio or a difference between two things measured in turn in the same run, in CPU
seconds (user + system) over the whole process tree: on a shared machine wall time says little.
Environments must be byte-compiled and warm; the first round of each pair is thrown away.
"""

import argparse
import importlib
import sys

SECTIONS = {
    "help": "agentdyno --help against a bare interpreter",
    "trials": "a harness trial against a bare script of the same framework",
    "first": "time to the first result against the bare framework's",
    "scaling": "CPU per trial at 1,000 trials against 200",
    "gateway": "a model call through the gateway against a hand-written server",
    "proxy": "a live call through the gateway against a LiteLLM proxy and no gateway at all",
    "toolgateway": "one MCP session per trial at the tool gateway",
    "statistics": "the numbers of a report on six runners",
    "pytest": "a pytest session with nothing for the plugin to do against one without it",
    "gate": "the gate in replay mode over 60 trials",
    "storage": "storing trials against appending JSON lines",
    "mlflow": "exporting 1,000 trials of 20 spans to MLflow, and what a run notices of it",
    "dashboard": "an interaction with each page over 100,000 stored trials",
    "report": "the report on a run of 1,000 trials",
    "regrade": "grading 10,000 stored trials again by ten checks",
}


def main() -> None:
    """Run the sections that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=3, help="pairs that count (default 3)")
    options = parser.parse_args()
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    for name in options.sections or SECTIONS:
        print(f"\n== {name}: {SECTIONS[name]}", flush=True)
        importlib.import_module(f"section_{name}").main(options.rounds)


if __name__ == "__main__":
    sys.exit(main())
