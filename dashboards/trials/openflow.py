"""The OpenFlow document of a trial's team, as a Windmill user would write it."""

import json

from agentdyno.core.trial import Assignment, Endpoint, Trial
from agentdyno.runners.openflow.generate import flow_for

_NOWHERE = "http://127.0.0.1:0/v1"


def openflow_document(trial: Trial) -> str | None:
    """Return the document as JSON; null where OpenFlow has none for the pattern, and for trials
    that were stored before patterns were."""
    if trial.pattern is None or not trial.agents or not trial.user_turns:
        return None
    offered = {
        event.agent for event in trial.events if event.kind == "tools_listed" and event.tools
    }
    # The document names addresses by path, so it does not matter which they were.
    assignment = Assignment(
        trial_id=trial.id, pattern=trial.pattern, agents=trial.agents, token="",
        user_turns=trial.user_turns[:1], stream=trial.key.stream,
        endpoints={
            spec.name: Endpoint(
                model_base_url=_NOWHERE, mcp_url=_NOWHERE if spec.name in offered else None,
            ) for spec in trial.agents
        },
    )
    try:
        return json.dumps(flow_for(assignment).document, ensure_ascii=False, indent=2)
    except ValueError:
        return None
