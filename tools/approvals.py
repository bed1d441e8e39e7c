"""The gate before a tool call: at once, logged, or when somebody has decided; and what is told.

It stands in the gateway, so it is the same for every framework: the agent's client waits for the
answer of its call, and neither the trial's clock nor any latency counts that time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentdyno.core.approval import ApprovalPolicy, ApprovalRequest, Approver, Decision
from agentdyno.core.canonical import canonical_json
from agentdyno.core.errors import DynoError, HarnessFault
from agentdyno.core.event import Approval
from agentdyno.core.sink import ApprovalAsked
from agentdyno.core.trial import Outcome
from agentdyno.tools.results import ToolReply, text_result

if TYPE_CHECKING:
    from agentdyno.tools.box import OpenTrial, Route


@dataclass(frozen=True, kw_only=True)
class Approvals:
    """The policy of one trial, and who decides in it."""

    policy: ApprovalPolicy
    approver: Approver
    scenario: str
    runner: str = ""
    """The runner's name and version, for whoever decides."""


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """A call that may be made."""

    arguments: dict[str, Any]
    note: str = ""
    """What the agent must be told beside the result; "" when the call is as it asked."""


async def clear(
    trial: "OpenTrial", agent: str, ordinal: int, route: "Route", arguments: dict[str, Any]
) -> Cleared | ToolReply:
    """Return the call to make, or the answer in its place, once that is decided.

    Records an `Approval` event for every call that the policy logs or lets wait.
    """
    gate, approvals = route.gate, trial.approvals
    if gate is None or approvals is None or gate.action == "run":
        return Cleared(arguments=arguments)
    sink = trial.sink
    began = sink.now()
    asked: dict[str, Any] = {
        "agent": agent, "started_s": began, "ordinal": ordinal, "server": route.server,
        "tool": route.tool, "risk": gate.risk, "risk_from": gate.risk_from,
        "action": gate.action, "shown": arguments,
    }
    if gate.action == "log":
        sink.record(Approval(**asked, ended_s=began, decision="logged", approver=""))
        return Cleared(arguments=arguments)
    request = _request(trial, approvals, agent, ordinal, route, arguments)
    if sink.watch is not None:
        sink.watch(ApprovalAsked(agent=agent, request=request))
    told: dict[str, Any] = {"decision": "withdrawn"}
    try:
        decision = await _decided(trial, approvals, request)
        told = decision.model_dump()
    except DynoError as error:
        told["reason"] = error.message
        sink.end(Outcome.HARNESS_FAULT, str(error))
        text = f"{error.message} The call was not made."
        return ToolReply(result=text_result(text, is_error=True))
    finally:
        sink.record(Approval(
            **asked, **told, ended_s=sink.now(), approver=approvals.approver.kind,
        ))
    return _outcome(approvals, request, decision)


async def _decided(
    trial: "OpenTrial", approvals: Approvals, request: ApprovalRequest
) -> Decision:
    """Return the decision.

    Raises:
        HarnessFault: nobody can decide, or the arguments were changed to ones that the tool cannot
            take: its error would be held against the agent.
    """
    with trial.sink.waiting():
        decision = await approvals.approver.decide(request)
    if decision.decision != "modified":
        return decision
    if wrong := misfit(request.input_schema, decision.arguments or {}):
        raise HarnessFault(
            f"{decision.decided_by} changed the arguments of {request.server}.{request.tool} to "
            f"ones that it does not take: {wrong}.",
            "correct `approvals.script` in the scenario, or who decides instead of it",
        )
    return decision


def misfit(schema: Any, arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with `arguments` by a tool's inputSchema; "" when they fit it."""
    # Imported late: few calls are ever modified.
    import jsonschema

    try:
        validator = jsonschema.validators.validator_for(schema)(schema)
        error = jsonschema.exceptions.best_match(validator.iter_errors(dict(arguments)))
    except (jsonschema.SchemaError, TypeError):
        return ""
    if error is None:
        return ""
    where = "".join(f".{part}" for part in error.absolute_path)
    return f"arguments{where}: {error.message}"


def annotated(result: dict[str, Any], note: str) -> dict[str, Any]:
    """Return `result` with `note` before its first text.

    Not as a block of its own: some frameworks show the model the first block and no other. Nor
    is there a structured copy, which others show instead of the text.
    """
    shown = {key: value for key, value in result.items() if key != "structuredContent"}
    first, *others = shown.get("content") or [None]
    if isinstance(first, dict) and first.get("type") == "text":
        return {**shown, "content": [{**first, "text": f"{note}\n\n{first['text']}"}, *others]}
    blocks = [{"type": "text", "text": note}, *(shown.get("content") or ())]
    return {**shown, "content": blocks}


def _request(
    trial: "OpenTrial", approvals: Approvals, agent: str, ordinal: int, route: "Route",
    arguments: dict[str, Any],
) -> ApprovalRequest:
    assert route.gate is not None, "only calls through a gate are asked about"
    return ApprovalRequest(
        trial_id=trial.sink.trial_id, scenario=approvals.scenario, runner=approvals.runner,
        agent=agent, ordinal=ordinal, server=route.server, tool=route.tool,
        description=route.description, arguments=arguments, risk=route.gate.risk,
        input_schema=route.schema if isinstance(route.schema, dict) else {},
        timeout_s=approvals.policy.timeout_s,
    )


def _outcome(
    approvals: Approvals, request: ApprovalRequest, decision: Decision
) -> Cleared | ToolReply:
    who = decision.decided_by
    who = "the approver" if who == approvals.approver.kind else who
    why = f": {decision.reason}" if decision.reason else ""
    match decision.decision:
        case "approved":
            return Cleared(arguments=request.arguments)
        case "modified":
            changed = decision.arguments or {}
            note = (
                f"Note: {who} changed the arguments of this call before it was made{why}. "
                f"You asked for {canonical_json(request.arguments)}; the call was made with "
                f"{canonical_json(changed)}. Its result:"
            )
            return Cleared(arguments=changed, note=note)
        case "rejected":
            text = f"Rejected by {who}{why}. The call was not made."
        case "timed_out":
            if approvals.policy.on_timeout == "approve":
                return Cleared(arguments=request.arguments)
            text = (
                f"Nobody decided about this call within {request.timeout_s:g} s, so it was "
                "rejected. The call was not made."
            )
    return ToolReply(result=text_result(text, is_error=True), kind="rejected")
