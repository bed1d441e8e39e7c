"""Checks of how far what a trial says can be trusted."""

from pathlib import Path

from agentdyno.core.checkteam import CitationsCheck, ConfidenceCheck
from agentdyno.core.trial import Trial
from agentdyno.evals.confidence import confidence as figure_of
from agentdyno.evals.finding import Finding, failed, passed
from agentdyno.evals.signals import signals, sources


class NoFigure(Exception):
    """The trial gives no ground for a figure of confidence."""


def citations(trial: Trial, check: CitationsCheck, folder: Path) -> Finding:
    """Look for the sources that the answers name in what the tools were asked and returned."""
    named = sources(trial)
    count = len(named.found) + len(named.unknown)
    if count < check.min:
        return failed(f"the answers name {count} sources, not {check.min} or more")
    share = len(named.found) / count if count else 1.0
    told = f"{len(named.found)} of {count} named sources are there"
    if named.unknown:
        told += f"; not there: {', '.join(named.unknown)}"
    return (passed if share >= check.at_least else failed)(told)


def confidence(trial: Trial, check: ConfidenceCheck, folder: Path) -> Finding:
    """Compare the figure of confidence with the bound; names the signals that it comes from.

    Raises:
        NoFigure: there is none.
    """
    found = signals(trial)
    figure = figure_of(trial, found)
    if figure is None:
        raise NoFigure("the trial called no tool and no model, and cites nothing")
    parts = ", ".join(
        f"{name} {value:.2f}" for name, value in vars(found).items() if value is not None
    )
    told = f"confidence {figure:.4f}, asked for {check.at_least:g}: {parts}"
    return (passed if figure >= check.at_least else failed)(told)
