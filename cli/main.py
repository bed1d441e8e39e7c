"""The `agentdyno` command: finds the subcommand, and turns errors into words and exit codes."""

import gc
import os
import sys
from typing import Any

import click

from agentdyno import __version__
from agentdyno.cli.lazygroup import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("agentdyno.cli.run:run", "Run scenarios on runners and print the comparison."),
    "chaos": ("agentdyno.cli.chaos:chaos", "Inject one fault at a time and show who recovers."),
    "cancel": ("agentdyno.cli.cancel:cancel", "List the runs under way, and cancel one."),
    "list": ("agentdyno.cli.trials:list_command", "List stored trials, scenarios or runners."),
    "show": ("agentdyno.cli.trials:show", "Show one trial as a readable tree."),
    "log": ("agentdyno.cli.trials:log", "Dump the raw wire of a trial."),
    "approvals": ("agentdyno.cli.approvals:approvals", "Decide about tool calls that wait."),
    "compare": ("agentdyno.cli.compare:compare_command",
                "Say what differs between two arms or more, and how sure that is."),
    "cases": ("agentdyno.cli.cases:cases_command",
              "Show case by case what passes, how flaky it is, pass@k and pass^k."),
    "recommend": ("agentdyno.cli.recommend:recommend",
                  "Recommend a runner for a scenario, with evidence and limits."),
    "power": ("agentdyno.cli.power:power_command",
              "Say how many cases and trials an effect needs."),
    "confidence": ("agentdyno.cli.confidence:confidence",
                   "Show how far trials can be trusted, and whether the figure is right."),
    "prompt": ("agentdyno.cli.prompt:prompt",
               "List, show, compare, pull and push the prompts of the registry."),
    "judge": ("agentdyno.cli.judge:judge", "List judges, and hold them against human labels."),
    "export": ("agentdyno.cli.export:export", "Tell MLflow and collectors of stored runs."),
    "spend": ("agentdyno.cli.spend:spend", "Show what live runs cost, by day, run and model."),
    "gaps": ("agentdyno.cli.gaps:gaps", "Show which tools agents reported as missing."),
    "cassette": ("agentdyno.cli.cassette:cassette", "List, show, compare and check recordings."),
    "diff": ("agentdyno.cli.diff:diff", "Compare what two trials sent to the model."),
    "gate": ("agentdyno.cli.gate:gate", "Hold a suite against its blessed baseline."),
    "bless": ("agentdyno.cli.bless:bless", "Make what a suite does now its baseline."),
    "calibrate": ("agentdyno.cli.calibrate:calibrate",
                  "Measure a gate's false alarms and what it would see."),
    "check": ("agentdyno.cli.check:check", "List the checks that scenarios can ask for."),
    "experiment": ("agentdyno.cli.experiment:experiment",
                   "Compare variants by a test that was planned beforehand."),
    "ui": ("agentdyno.cli.ui:ui", "Open the dashboard and MLflow's pages."),
    "report": ("agentdyno.cli.report:report", "Write a run as one HTML file for anybody."),
    "score": ("agentdyno.cli.score:score", "Grade stored trials again, without running them."),
    "validate": ("agentdyno.cli.validate:validate", "Check scenario files without running them."),
    "import": ("agentdyno.cli.imports:import_command", "Make scenarios of recorded conversations."),
    "doctor": ("agentdyno.cli.doctor:doctor", "Say what works on this machine."),
    "runners": ("agentdyno.cli.runners:runners", "Show which runner executes which pattern."),
    "conformance": (
        "agentdyno.cli.conformance:conformance", "Hold a runner to what every runner must do.",
    ),
    "agent": ("agentdyno.cli.agent:agent", "List and show the shared agent definitions."),
    "env": ("agentdyno.cli.env:env", "List, make and remove environments."),
    "db": ("agentdyno.cli.db:db", "Start, stop and inspect the embedded database."),
    "test": ("agentdyno.cli.develop:test", "Set up everything and run agentdyno's own tests."),
    "bench": ("agentdyno.cli.develop:bench", "Run agentdyno's own benchmarks."),
    "lint": ("agentdyno.cli.develop:lint", "Run agentdyno's own linters and type checker."),
}
"""Subcommand -> (dotted path, help line). The line stands here so that --help imports nothing."""

GC_THRESHOLD = (20_000, 20, 20)
"""What a command imports lives until its end: looking for garbage in it at the usual rate is a
fifth of the start-up's CPU, and a tenth of a model call's."""
INTERRUPTED = 2
HARNESS_FAULT = 3
USAGE = 4


@click.group(
    cls=LazyGroup, table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="agentdyno")
def app() -> None:
    """Run one scenario on every agent framework and compare what was measured at the wire.

    \b
    Start here:  agentdyno run investment_analysis
    """


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 all verdicts pass, 1 some failed, 2 interrupted, 3 harness fault, 4 bad usage or input,
    5 nothing ran (pytest's codes), 6 a gate that cannot tell.
    """
    gc.set_threshold(*GC_THRESHOLD)
    try:
        result: Any = app.main(args=argv, prog_name="agentdyno", standalone_mode=False)
    except click.exceptions.Abort:
        print("agentdyno: interrupted", file=sys.stderr)
        return INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return USAGE
    except KeyboardInterrupt:
        print("agentdyno: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output went away (`| head`): nothing is left to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        return _report(error)
    return result if isinstance(result, int) else 0


def _report(error: Exception) -> int:
    from agentdyno.core.errors import DynoError

    if isinstance(error, DynoError):
        print(f"agentdyno: {error}", file=sys.stderr)
        return error.exit_code
    import traceback

    traceback.print_exc()
    print(
        "agentdyno: this is a fault of agentdyno itself.\n"
        "  next: please report the lines above, with the command that you typed",
        file=sys.stderr,
    )
    return HARNESS_FAULT
