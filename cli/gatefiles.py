"""Where a gate's report goes beside the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from agentdyno.cli.gategithub import annotations
from agentdyno.cli.gatejunit import junit_xml
from agentdyno.cli.gatemarkdown import markdown
from agentdyno.core.errors import HarnessFault, UsageError
from agentdyno.core.settings import Settings
from agentdyno.experiments.gate.gate import GateReport


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """The outputs that are asked for."""

    files: Mapping[str, Path]
    """Files by form: `junit`, `markdown`, `json`."""
    json_stdout: bool
    github: bool
    summary: Path | None
    """The step summary that GitHub Actions names."""

    @classmethod
    def of(
        cls, settings: Settings, *, junit: Path | None, markdown: Path | None,
        json_file: str | None, github: bool | None,
    ) -> "Outputs":
        """Read the options of a command line.

        Raises:
            UsageError: a file's folder does not exist.
        """
        environ = settings.environment
        json_path = Path(json_file) if json_file and json_file != "-" else None
        given = {"junit": junit, "markdown": markdown, "json": json_path}
        files = {form: path for form, path in given.items() if path is not None}
        for form, path in files.items():
            if not path.absolute().parent.is_dir():
                raise UsageError(f"--{form} {path}: its folder does not exist.",
                                 "name another file")
        on = environ.get("GITHUB_ACTIONS") == "true" if github is None else github
        summary = environ.get("GITHUB_STEP_SUMMARY") if on else None
        return cls(files=files, json_stdout=json_file == "-", github=on,
                   summary=Path(summary) if summary else None)


def write_outputs(report: GateReport, outputs: Outputs) -> None:
    """Write every output that is asked for.

    Raises:
        HarnessFault: a file cannot be written.
    """
    forms = {"junit": junit_xml, "markdown": markdown, "json": report_json}
    try:
        for form, path in outputs.files.items():
            path.write_text(forms[form](report), encoding="utf-8")
        if outputs.summary is not None:
            with outputs.summary.open("a", encoding="utf-8") as file:
                file.write(markdown(report) + "\n")
    except OSError as error:
        raise HarnessFault(f"the report cannot be written: {error}.", "name another file") from (
            error)
    if outputs.github:
        # On stderr when stdout is for JSON: GitHub reads commands from both.
        for line in annotations(report):
            click.echo(line, err=outputs.json_stdout)
    if outputs.json_stdout:
        click.echo(report_json(report), nl=False)


def report_json(report: GateReport) -> str:
    """Return the whole report as JSON, with its exit code."""
    import json

    told = {"format": 1, "exit_code": report.exit_code, **report.model_dump(mode="json")}
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
