"""What every runner must do, each with its reason; tests cite the ids, and exclusions are typed.

An adapter never opts in: each requirement is tested on each runner of the registry. Where a
framework cannot do a thing, an `Exclusion` says why, and its test must then fail: an exclusion that
no longer holds fails the suite.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One behaviour."""

    id: str
    reason: str
    """Why it must hold."""


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """One behaviour that one framework cannot have."""

    runner: str
    requirement: str
    reason: str
    """What in the framework is in the way."""


def _requirement(id: str, reason: str) -> Requirement:
    return Requirement(id=id, reason=reason)


REQUIREMENTS: tuple[Requirement, ...] = (
    _requirement("runner:answer:returned",
                 "checks judge the answer, so it is the agent's text and nothing around it"),
    _requirement("runner:answer:one-per-turn",
                 "a multi-turn user needs the conversation that came before"),
    _requirement("runner:model:streaming",
                 "time to first token is a measurement, and a stream must not change the answer"),
    _requirement("runner:model:retries-none",
                 "a framework's own retries would hide errors and multiply calls"),
    _requirement("runner:model:retries-as-shipped",
                 "what a framework does by itself about an error is what its users live with"),
    _requirement("runner:model:stream-without-end",
                 "half an answer that is taken for a whole one is the worst kind of error"),
    _requirement("runner:user:asked",
                 "a simulated user answers what he is told, so he is asked after each answer"),
    _requirement("runner:user:cancelled",
                 "a trial that waits for its user can be cancelled like any other"),
    _requirement("runner:tool:exact-arguments",
                 "what a tool is asked for must be what the model said, to the last null"),
    _requirement("runner:tool:error-reaches-model",
                 "an agent can only recover from what it is told"),
    _requirement("runner:tool:unknown-reaches-model",
                 "a model that invents a tool is told so instead of ending the trial"),
    _requirement("runner:tool:parallel",
                 "several calls in one turn are one model call, in every framework"),
    _requirement("runner:tool:listed-anew",
                 "agents and sessions outlive a trial, what a trial offers does not"),
    _requirement("runner:approval:same",
                 "a person decides about a call and not about a framework: what is made and what "
                 "is told of it are the gateway's words everywhere"),
    _requirement("runner:approval:waits",
                 "a person may take his time: no client's deadline and no limit may cut him off"),
    _requirement("runner:limit:stops",
                 "max_turns is a cost limit: not one call more, and no answer that is none"),
    _requirement("runner:limit:answer-on-last-turn",
                 "a limit that takes away the last allowed answer is another limit"),
    _requirement("runner:limit:per-agent",
                 "one agent's turns must not use up another's"),
    _requirement("runner:crash:keeps-trace",
                 "what was measured before an error is measured, and the next trial runs"),
    _requirement("runner:cancel:closes-clients",
                 "a cancelled trial that goes on calling would be billed and counted"),
    _requirement("runner:cancel:leaves-tool",
                 "the same while a tool is at work, where frameworks like to wait"),
    _requirement("runner:usage:equals-wire",
                 "a framework that misreports its tokens must be told from a bench that does"),
    _requirement("runner:concurrency:no-crosstalk",
                 "trials share a process: nothing of one may be seen in another"),
    _requirement("runner:pipeline:sees-task-and-texts",
                 "each agent knows the task and what the agents before it wrote"),
    _requirement("runner:pipeline:declares-messages",
                 "a trial's page shows who wrote what"),
    _requirement("runner:patterns",
                 "a pattern that a runner declares means the same for everybody; what it is held"
                 " to stands in experiments/conformance/requirements.py"),
    _requirement("runner:patterns:derived",
                 "a conversation can be drawn where a framework gives no hook to watch it"),
    _requirement("runner:patterns:undisturbed",
                 "teams share a process and are used again, whatever became of the one before"),
    _requirement("runner:patterns:declared",
                 "the matrix of runners and patterns is read off what adapters declare"),
    _requirement("runner:patterns:history",
                 "a comparison of frameworks must know what their agents know"),
    _requirement("runner:patterns:failure-reaches-manager",
                 "a manager that is not told of a failure invents what it should report"),
    _requirement("runner:patterns:nobody-chosen",
                 "a selector that names nobody must not hang a team, nor pass for one that does"),
    _requirement("runner:memory:no-leak",
                 "what one trial remembers must never be readable in another"),
    _requirement("runner:parity:manifest",
                 "an unequal setting is only fair when it is printed, and only true when the wire "
                 "agrees"),
    _requirement("runner:replay:same",
                 "a recording is only of use in CI when a framework asks for the same again"),
    _requirement("runner:replay:located-miss",
                 "what an upgrade of a framework changed on the wire is learned from a miss"),
    _requirement("runner:fault:same-calls",
                 "frameworks are compared under the same faults, or not at all"),
    _requirement("runner:fault:uniform-recovers",
                 "under one retry policy a lost answer is the gateway's to fetch again, and no "
                 "framework hears of it"),
    _requirement("runner:fault:as-shipped-reaches-framework",
                 "what a framework does by itself shows only when the fault really reaches it"),
    _requirement("runner:trace:complete",
                 "whoever looks at a trace must see all that the instruments saw, and under whom"),
    _requirement("runner:environment:missing-hint",
                 "whoever lacks a framework is told the one command that brings it"),
)

EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(runner="windmill", requirement="runner:tool:unknown-reaches-model",
              reason="Windmill fails an aiagent step whose model calls a tool that is not there"),
)


def exclusion(runner: str, requirement: str) -> Exclusion | None:
    """Return why `runner` is excluded from `requirement`, if it is."""
    found = [e for e in EXCLUSIONS if (e.runner, e.requirement) == (runner, requirement)]
    return found[0] if found else None
