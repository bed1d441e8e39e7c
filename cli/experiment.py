"""`agentdyno experiment`: the table of its commands."""

import click

from agentdyno.cli.lazygroup import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("agentdyno.cli.experimentrun:run", "Run an experiment up to its next stop."),
    "status": ("agentdyno.cli.experimentstatus:status", "Say how far an experiment is."),
    "report": ("agentdyno.cli.experimentstatus:report",
               "Print verdicts, guards and the prompts that differ."),
    "list": ("agentdyno.cli.experimentstatus:list_command",
             "List experiments: bundled ones, and those that ran."),
    "propose": ("agentdyno.cli.experimentpropose:propose",
                "Have a model propose variants from the failures of an experiment."),
    "approve": ("agentdyno.cli.experimentdesk:approve",
                "Approve a variant: its prompts become the alias `candidate`."),
    "promote": ("agentdyno.cli.experimentdesk:promote",
                "Put an approved variant in use: its prompts become `production`."),
    "rollback": ("agentdyno.cli.experimentdesk:rollback", "Take the newest promotion back."),
    "history": ("agentdyno.cli.experimentdesk:history",
                "Show who approved, promoted and rolled back what, and why."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def experiment() -> None:
    """Compare variants of a scenario by a test that was planned beforehand.

    \b
    EXPERIMENT is the name of a bundled one, or the path of a YAML file.
    Start here:  agentdyno experiment run safe_experimentation
    """
