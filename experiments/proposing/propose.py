"""From failed trials to a file of candidate variants: causes, question, answer, experiment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from agentdyno.core.errors import DynoError, InputError, UsageError
from agentdyno.core.override import AgentOverride
from agentdyno.core.settings import RunOptions, Settings
from agentdyno.core.variant import Variant
from agentdyno.experiments.bench import Bench
from agentdyno.experiments.choices import choices_of
from agentdyno.experiments.plan import Prepared
from agentdyno.experiments.proposing.answer import Proposals, Unusable, read_answer, variant_of
from agentdyno.experiments.proposing.causes import Cause, causes
from agentdyno.experiments.proposing.proposer import (
    SCRIPT,
    Answered,
    ask,
    asked_of,
    chat_of,
    speaker,
)
from agentdyno.experiments.proposing.subject import Subject
from agentdyno.experiments.proposing.writing import (
    experiment_of,
    free_path,
    place_of,
    write_experiment,
)
from agentdyno.experiments.request import Request, goes_live, script_of
from agentdyno.experiments.sources import Sources
from agentdyno.models.providers import read_providers
from agentdyno.scenarios.loader import load_cases
from agentdyno.scenarios.modelrefs import DEFAULT_ALIAS


class ProposalsRefused(DynoError):
    """The model's answers cannot be used; what they cost is in the ledger."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """What came of proposing."""

    file: Path
    """Experiment that holds the proposals against what failed."""
    name: str
    """The experiment's name."""
    variants: Mapping[str, Variant]
    causes: tuple[Cause, ...]
    answered: Answered


def request_of(
    settings: Settings, options: RunOptions, subject: Subject, script: Path | None,
    temperature: float | None,
) -> Request:
    """Return what asking the model takes, with everything looked up.

    Args:
        script: rules of the scripted model in place of the bundled ones.
        temperature: sampling temperature; null leaves the provider's default.

    Raises:
        UsageError: no model is named, or its provider or key is missing.
        InputError: the script holds problems.
    """
    loaded = speaker(subject, DEFAULT_ALIAS, temperature)
    if options.model == "scripted":
        rules = script_of(replace(loaded, script_path=script or SCRIPT))
        prepared = Prepared(loaded=loaded, script=rules, variant=subject.arm)
        return Request(options=options, scenarios=(prepared,), runners=(), unresolved={})
    if not goes_live(options):
        prepared = Prepared(loaded=loaded, variant=subject.arm)
        return Request(options=options, scenarios=(prepared,), runners=(), unresolved={})
    catalogue = read_providers(options.providers, options.env_file, settings.environment)
    choices = choices_of(loaded, options.llm)
    catalogue.check(choices)
    prepared = Prepared(loaded=loaded, choices=choices, variant=subject.arm)
    return Request(options=options, scenarios=(prepared,), runners=(), unresolved={},
                   catalogue=catalogue)


def causes_of(subject: Subject) -> tuple[Cause, ...]:
    """Return why the subject's trials failed.

    Raises:
        UsageError: there are no trials, or none failed.
    """
    found = causes(subject.trials)
    if not subject.trials:
        raise UsageError(f"no trial of {subject.name!r} is stored in variant {subject.arm}.",
                         f"agentdyno run {next(iter(subject.scenarios))}")
    if not found:
        raise UsageError(
            f"none of {len(subject.trials)} stored trials of {subject.name!r} failed in variant "
            f"{subject.arm}, so there is nothing to propose from.",
            "agentdyno experiment propose --variant NAME looks at another variant",
        )
    return found


async def propose(
    bench: Bench, sources: Sources, request: Request, subject: Subject, *, most: int
) -> Proposed:
    """Have the model propose variants, and write them to a file.

    Raises:
        UsageError: nothing failed.
        ProposalsRefused: two answers in a row could not be used.
        HarnessFault: the model gave no answer, or the file cannot be written.
    """
    found = causes_of(subject)
    chat = chat_of(subject, found, most)
    asked = asked_of(subject, request.scenarios[0], request.options, chat)
    answered = await ask(bench, sources, asked, chat, _Reader(subject, most))
    sources.keep(answered.trial, answered.wire)
    if answered.proposals is None:
        told = "\n  ".join(answered.problems)
        raise ProposalsRefused(
            f"what {answered.model} proposed cannot be used, twice in a row:\n  {told}\n"
            f"{answered.calls} calls were made and counted; nothing was written.",
            "try another model: --model PROVIDER:NAME",
        )
    variants = _variants(subject, answered.proposals)
    path, name = free_path(place_of(subject), subject.name.replace(".", "_"))
    experiment = experiment_of(subject, variants, _hypothesis(answered.proposals), name)
    write_experiment(path, experiment, _head(subject, found, answered))
    return Proposed(file=path, name=name, variants=variants, causes=found, answered=answered)


def _variants(subject: Subject, proposals: Proposals) -> dict[str, Variant]:
    return {
        one.name: variant_of(one, subject.base, subject.prompts) for one in proposals.variants
    }


class _Reader:
    """Reads an answer, and has every proposal loaded as a run would load it."""

    def __init__(self, subject: Subject, most: int) -> None:
        self._subject = subject
        self._most = most

    def __call__(self, text: str) -> Proposals:
        subject = self._subject
        found = read_answer(text, taken=(*subject.taken, subject.arm), most=self._most)
        problems = [
            f"{name}: {problem}"
            for name, variant in _variants(subject, found).items()
            for problem in self._problems(variant)
        ]
        if problems:
            raise Unusable(*dict.fromkeys(problems))
        return found

    def _problems(self, variant: Variant) -> list[str]:
        agents = dict(variant.agents)
        for agent in variant.prompts:
            text = self._subject.prompts[agent]
            agents[agent] = agents.get(agent, AgentOverride()).model_copy(
                update={"instructions": text}
            )
        whole = variant.model_copy(update={"prompts": {}, "agents": agents})
        problems: list[str] = []
        for name in self._subject.scenarios:
            try:
                load_cases(name, variant=whole)
            except InputError as error:
                problems += [f"{one.key}: {one.message}" for one in error.problems]
            except UsageError as error:
                problems.append(error.message)
        return problems


def _hypothesis(proposals: Proposals) -> str:
    lines = [f"{one.name}: {one.title}. {one.why}".rstrip() for one in proposals.variants]
    return "One of these removes failures without making others.\n" + "\n".join(lines) + "\n"


def _head(subject: Subject, found: tuple[Cause, ...], answered: Answered) -> str:
    cost = "" if answered.cost_usd is None else f", {answered.cost_usd:.4f} USD"
    lines = [
        f"Proposed by {answered.model} ({answered.calls} calls{cost}) from failures of "
        f"{subject.name}, variant {subject.arm}:",
        *(f"  {one.kind} {_one_line(one.what)}"
          f"{f' of {one.agent}' if one.agent else ''}: {one.trials} of {one.of} trials"
          for one in found),
        "These are candidates. Read them, run this experiment, approve what is good, then promote.",
    ]
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
