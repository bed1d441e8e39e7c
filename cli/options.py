"""Options that commands share: which trials run, where answers come from, what they may cost."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from agentdyno.core.errors import UsageError

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

SOURCES = ("scripted", "live", "record", "replay")
_MEASURES = {"calls": "calls", "tokens": "tokens", "usd": "cost_usd", "seconds": "wall_s"}
_SCOPES = ("run", "trial", "day")
_BUDGET_HINT = "for example --budget usd=2.50, --budget trial:tokens=20000 or --budget day:usd=10"

_OPTIONS = (
    click.option(
        "--model", "-m", default="scripted", show_default=True, metavar="SOURCE",
        help="scripted, live, record (live, and keep a cassette), replay (from cassettes), or the "
             "name of a model, as openai:gpt-5-mini, to go live with it.",
    ),
    click.option(
        "--llm", metavar="PROVIDER:NAME[@URL]",
        help="Model of every agent for which the scenario names none.",
    ),
    click.option(
        "--providers", type=click.Path(dir_okay=False, exists=True, path_type=Path),
        metavar="FILE", help="YAML file of further providers, and of limits.",
    ),
    click.option(
        "--env-file", type=click.Path(dir_okay=False, exists=True, path_type=Path),
        metavar="FILE", help="File of API keys; default: .env, where there is one.",
    ),
    click.option(
        "--cassettes", type=click.Path(file_okay=False, path_type=Path), default=Path("cassettes"),
        show_default=True, metavar="FOLDER", help="Where recordings are kept.",
    ),
    click.option(
        "--on-miss", type=click.Choice(["fail", "live"]), default="fail", show_default=True,
        help="With replay: what a request does that was not recorded.",
    ),
    click.option(
        "--fork-at", type=click.IntRange(min=0), metavar="N",
        help="With replay: the first N model calls of a trial are replayed, the rest is live.",
    ),
    click.option(
        "--pace", type=click.Choice(["fast", "recorded"]), default="fast", show_default=True,
        help="With replay: answer at once, or as slowly as the provider did.",
    ),
    click.option(
        "--tools", type=click.Choice(["live", "replay"]), default="live", show_default=True,
        help="replay: tool results come from the cassette, and no tool server starts.",
    ),
    click.option(
        "--budget", "budgets", multiple=True, metavar="[run:|trial:|day:]MEASURE=VALUE",
        help="Refuse the call that would exceed it. MEASURE: usd, tokens, calls, seconds. "
             "Repeat it for more.",
    ),
    click.option(
        "--ask", "ask_at_90", is_flag=True,
        help="Ask on the terminal before a budget goes beyond 90 percent.",
    ),
)


def model_options(function: FunctionT) -> FunctionT:
    """Add the options of this file to a command."""
    return model_options_with(
        retries="uniform", faults="Inject the faults of this plan instead of the scenario's own."
    )(function)


def matrix_options(*, trials: int) -> Callable[[FunctionT], FunctionT]:
    """Return a decorator that adds what says which trials run, and how: `trials` of each cell."""
    options = (
        click.option(
            "--runner", "-r", "runners", multiple=True, metavar="NAME[@VERSION]",
            help="A column of the matrix; repeat it for more. "
                 "Default: every runner, newest version.",
        ),
        click.option(
            "--trials", "-n", default=trials, show_default=True, help="Repeats of each cell."
        ),
        click.option(
            "--seed", default=0, show_default=True, help="Seed of every seeded chance."
        ),
        click.option(
            "--concurrency", "-c", default=2, show_default=True, help="Trials running at once."
        ),
        click.option(
            "--variant", "variants", multiple=True, metavar="NAME",
            help="A variant that the scenario declares, or all; production and candidate are the "
                 "registry's prompts. Repeat it for more. Default: the scenario as it is.",
        ),
        click.option(
            "--no-mlflow", "mlflow", is_flag=True, flag_value=False, default=True,
            help="Do not export the run to MLflow once it has ended.",
        ),
        click.option(
            "--timeout", type=float, metavar="SECONDS", help="Overrides the scenario's limit."
        ),
        click.option("--stream", is_flag=True, help="Ask the model for streamed responses."),
        click.option("--fresh", is_flag=True, help="Run again what is stored already."),
        click.option(
            "--isolation", type=click.Choice(["worker", "inprocess"]), default="worker",
            show_default=True,
            help="inprocess runs the framework in this process, for debugging.",
        ),
        click.option(
            "--approver", type=click.Choice(["auto", "deny", "script", "cli", "queue"]),
            help="Who decides about tool calls that wait; default: whom the scenario names. cli "
                 "asks here, queue waits for: agentdyno approvals.",
        ),
    )

    def decorate(function: FunctionT) -> FunctionT:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def model_options_with(*, retries: str, faults: str) -> Callable[[FunctionT], FunctionT]:
    """Return `model_options` with another default of --retries, and other help of --faults."""
    about_faults = (
        click.option(
            "--retries", type=click.Choice(["uniform", "as-shipped"]), default=retries,
            show_default=True,
            help="uniform: the gateway retries, frameworks do not. as-shipped: each framework "
                 "does what it does by itself.",
        ),
        click.option(
            "--faults", type=click.Path(dir_okay=False, exists=True, path_type=Path),
            metavar="FILE", help=faults,
        ),
    )

    def decorate(function: FunctionT) -> FunctionT:
        for option in reversed((*_OPTIONS, *about_faults)):
            function = option(function)
        return function

    return decorate


def model_settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `RunOptions` that the options of this file set.

    Raises:
        UsageError: options that do not go together, or a budget that is none.
    """
    fields = {name: given[name] for name in (
        "model", "llm", "providers", "env_file", "cassettes", "on_miss", "fork_at", "pace",
        "tools", "retries", "faults", "ask_at_90",
    )}
    if fields["model"] not in SOURCES:
        if ":" not in fields["model"]:
            raise UsageError(
                f"--model {fields['model']}: neither one of {', '.join(SOURCES)} nor a model's "
                "name with its provider.",
                "for example --model openai:gpt-5-mini; agentdyno run --help",
            )
        if fields["llm"]:
            raise UsageError(
                f"--model {fields['model']} and --llm {fields['llm']} both name a model.",
                f"leave one out, as in --model live --llm {fields['llm']}",
            )
        fields["llm"], fields["model"] = fields["model"], "live"
    if fields["model"] != "replay":
        for name, default in (("on_miss", "fail"), ("fork_at", None), ("pace", "fast")):
            if fields[name] != default:
                raise UsageError(
                    f"--{name.replace('_', '-')} says what a replay does, and this is none.",
                    "add --model replay",
                )
    if fields["env_file"] is None and Path(".env").is_file():
        fields["env_file"] = Path(".env")
    return fields | budget_settings(given["budgets"])


def budget_settings(texts: Sequence[str]) -> dict[str, Any]:
    """Return the fields of `RunOptions` that --budget sets; raises `UsageError`."""
    found: dict[str, dict[str, float]] = {scope: {} for scope in _SCOPES}
    for text in texts:
        what, equals, amount = text.partition("=")
        scope, colon, measure = what.rpartition(":")
        scope = scope if colon else "run"
        try:
            value = float(amount)
        except ValueError:
            value = 0.0
        if not equals or scope not in _SCOPES or measure not in _MEASURES or not value > 0:
            raise UsageError(f"--budget {text}: this is no budget.", _BUDGET_HINT)
        if measure in ("calls", "tokens") and value != int(value):
            raise UsageError(f"--budget {text}: {measure} are whole numbers.", _BUDGET_HINT)
        found[scope][_MEASURES[measure]] = value
    return {
        "matrix_budget": found["run"], "trial_budget": found["trial"], "day_budget": found["day"],
    }
