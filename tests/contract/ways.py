"""How each framework works where the pattern leaves it free: who sees what, what a failure does.

These are facts about frameworks at their locked versions, measured at the wire. A change in one of
them, by an upgrade or in an adapter, fails a test here.
"""

TEXTS: dict[str, dict[str, str]] = {
    "single": {"solo": "task"},
    "pipeline": {"scout": "task", "judge": "task scout", "scribe": "task scout judge"},
    "round_robin": {
        "alpha": "task beta gamma", "beta": "task alpha gamma", "gamma": "task alpha beta",
    },
    "selector": {"chooser": "task scout", "scout": "task", "judge": "task scout"},
    "supervisor": {"boss": "task digger counter", "digger": "", "counter": "digger"},
    "handoff": {"triage": "task", "billing": "task", "expert": "task billing"},
    "reflection": {"writer": "task critic", "critic": "task writer"},
    "parallel": {
        "east": "task", "west": "task", "north": "task", "joiner": "task east west north",
    },
    "dag": {
        "intake": "task", "logs": "task intake", "metrics": "task intake",
        "assess": "task intake logs metrics repair verify",
        "repair": "task intake logs metrics assess verify",
        "verify": "task intake logs metrics assess repair",
        "report": "task intake logs metrics assess repair verify",
    },
}
"""By pattern and agent, of whom it sees texts, and whether it sees the task, on every framework.

A worker knows nothing but its task (`counter` was told what `digger` said, by the manager); agents
of a graph see what was said on every way that led to them.
"""

_LISTS = {
    "pipeline": {"judge": "scout.result", "scribe": "scout.result judge.result"},
    "round_robin": {"beta": "alpha.result", "gamma": "alpha.result"},
    "selector": {"judge": "scout.result"},
    "handoff": {"billing": "triage.result", "expert": "triage.result"},
    "reflection": {"critic": "writer.result"},
    "dag": dict.fromkeys(
        ("assess", "repair", "verify", "report"), "logs.result metrics.result"
    ),
}
"""Where the agents of a team work on one list of messages, tool calls and results among them."""

MORE: dict[str, dict[str, dict[str, str]]] = {
    # A team's thread holds final messages; tool events stay in their agent's own model context.
    "autogen": {},
    # A task's output is the context of the next one; the way to it is not shown.
    "crewai": {},
    # One `messages` key in the graph's state, with every message that an agent added. The prebuilt
    # supervisor hands the whole list to a worker, so that a worker sees what the user asked.
    "langgraph": {
        **_LISTS,
        "selector": {"chooser": "scout.result", "judge": "scout.result"},
        "supervisor": {"digger": "task", "counter": "task"},
    },
    # `to_input_list()` and handoffs carry the whole run, tool calls and results among it.
    "openai_agents": _LISTS,
    # `message_history` carries the whole run; where each agent has a history of its own, the others
    # are told in a prompt what was said.
    "pydantic_ai": {name: _LISTS[name] for name in ("pipeline", "handoff")},
    # Modules of a flow see each other's results: the text that an aiagent module returned.
    "windmill": {},
}
"""What agents see beyond `TEXTS`: `NAME.result` is the result of a tool call of NAME's."""

GOES_ON_WITHOUT_A_CHOICE = ("autogen",)
"""Whose selector, asked three times and naming nobody, gives the floor to whoever spoke before, or
first. On all others the trial ends, with a reason that says so."""
