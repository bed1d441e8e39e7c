"""The document of a group chat in which a model chooses the next speaker.

A whileloopflow in which an inner one asks the chooser until it names somebody, three times at
most; a branchone leads to the speaker's aiagent module; a script keeps the transcript, which no
OpenFlow construct does by itself. An agent is told the task when it first speaks, and always what
was said since it last spoke. Ids with a capital are no agent's name.
"""

import json

from agentdyno.core.pattern import Selector
from agentdyno.core.trial import Assignment
from agentdyno.runners.openflow.generate_parts import (
    Ending,
    Json,
    TeamFlow,
    agent_module,
    while_loop,
)

ATTEMPTS = 3
"""Times that the chooser is asked before the flow fails."""

_PICK = r"""export function main(text, names) {
  const named = names.filter(name => new RegExp("\\b" + name + "\\b").test(text));
  return named.length === 1 ? named[0] : null;
}"""
_SAY = """export function main(transcript, agent, output) {
  return [...(transcript || []), {agent, output}];
}"""


def selector_flow(assignment: Assignment, pattern: Selector) -> TeamFlow:
    """Return the conversation; the flow's result holds the transcript."""
    chosen = {"id": "Choice", "value": {
        "type": "branchone", "default": [_nobody(pattern)],
        "branches": [
            {"expr": f"results.Picked === {json.dumps(name)}",
             "modules": [agent_module(assignment, name, name, _news(name))]}
            for name in pattern.agents
        ],
    }}
    said = _script("Said", _SAY, {
        "transcript": "results.Said", "agent": "results.Picked", "output": "results.Choice.output",
    }, _over(pattern))

    def ended(agent: str, text: str) -> str:
        counts = not pattern.stop.by or agent in pattern.stop.by
        return "text" if counts and pattern.stop.text in text else "max_messages"

    names = (*pattern.agents, pattern.selector)
    return TeamFlow(
        modules=[while_loop("Rounds", [_ask(assignment, pattern), chosen, said])],
        agents={name: name for name in names}, ends={"Said": Ending(name=ended)},
        chosen_by=pattern.selector, silent=frozenset({"Ask", pattern.selector}),
    )


def _ask(assignment: Assignment, pattern: Selector) -> Json:
    """Return the loop that asks until somebody is named."""
    roles = [f"{name}: {assignment.agent(name).role}" for name in pattern.agents]
    message = f"""{_candidates(pattern)}
const ask = "Select the next speaker from: " + names.join(", ") + ". Only return the name.";
if (flow_input.iter.index > 0) return "That names none of them, or several. " + ask;
if (!last) return [flow_input.task, {json.dumps(chr(10).join(roles))}, ask].join("\\n\\n");
return ["What " + last.agent + " wrote:\\n\\n" + last.output, ask].join("\\n\\n");"""
    picked = _script("Picked", _PICK, {
        "text": f"results.{pattern.selector}.output",
        "names": f"{_candidates(pattern)}\nreturn names;",
    }, f"result !== null || flow_input.iter.index >= {ATTEMPTS - 1}")
    chooser = agent_module(assignment, pattern.selector, pattern.selector, message)
    return while_loop("Ask", [chooser, picked])


def _candidates(pattern: Selector) -> str:
    """Return the statements that say who may be chosen."""
    again = json.dumps(pattern.allow_repeated_speaker)
    return f"""const said = results.Said || [];
const last = said.length ? said[said.length - 1] : null;
const names = {json.dumps(list(pattern.agents))}
  .filter(name => {again} || !last || last.agent !== name);"""


def _news(name: str) -> str:
    """Return the statements of what speaker `name` is told."""
    return f"""const said = results.Said || [];
const mine = said.map(each => each.agent).lastIndexOf({json.dumps(name)});
const news = said.slice(mine + 1)
  .map(each => "What " + each.agent + " wrote:\\n\\n" + each.output);
if (mine < 0) news.unshift(flow_input.task);
return news.join("\\n\\n") || "It is your turn again.";"""


def _nobody(pattern: Selector) -> Json:
    """Return the module that fails the flow."""
    names = ", ".join(pattern.agents)
    return {"id": "Nobody", "value": {"type": "identity"}, "stop_after_if": {
        "expr": "true",
        "error_message":
            f"{pattern.selector} named none of {names} who may speak, in {ATTEMPTS} attempts",
    }}


def _over(pattern: Selector) -> str:
    """Return the condition that ends the conversation, on the transcript."""
    by = json.dumps(list(pattern.stop.by or pattern.agents))
    last = "result[result.length - 1]"
    spoken = f"{last}.output.includes({json.dumps(pattern.stop.text)})"
    told = f"{by}.includes({last}.agent) && {spoken}"
    return f"({told}) || result.length >= {pattern.max_messages}"


def _script(name: str, content: str, inputs: dict[str, str], stop: str) -> Json:
    return {
        "id": name, "stop_after_if": {"expr": stop}, "value": {
            "type": "rawscript", "language": "nativets", "content": content,
            "input_transforms": {
                key: {"type": "javascript", "expr": expr} for key, expr in inputs.items()
            },
        },
    }
