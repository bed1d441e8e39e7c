"""Which patterns the windmill adapter executes, and with what of OpenFlow.

The classes are our engine's readings of the OpenFlow kinds that carry the pattern.
"""

from agentdyno.runners.support import TeamWork, composed, native, unsupported

_KINDS = "agentdyno.runners.openflow.document"
_AGENT = f"{_KINDS}.AiAgent"
_WHILE = f"{_KINDS}.WhileLoop"

TEAMWORK = TeamWork(
    patterns={
        "single": native("an OpenFlow document with one aiagent module", _AGENT),
        "pipeline": native(
            "aiagent modules in order, joined by javascript input transforms", _AGENT
        ),
        "round_robin": composed(
            "a whileloopflow over an aiagent module per speaker; transforms tell each what the"
            " others said since it last spoke, stop_after_if ends the loop", _WHILE, _AGENT,
        ),
        "selector": composed(
            "a whileloopflow in which the selector's aiagent module names a speaker, a branchone"
            " leads to the speaker's, and a script keeps the transcript",
            _WHILE, f"{_KINDS}.BranchOne", f"{_KINDS}.RawScript", _AGENT,
        ),
        "supervisor": native(
            "the workers are aiagent tools of the manager's aiagent module", _AGENT,
            f"{_KINDS}.NestedAgent",
        ),
        "handoff": unsupported(
            "which module comes next is written in the flow; no OpenFlow construct lets an agent"
            " pass its conversation on"
        ),
        "reflection": native(
            "a whileloopflow over the writer's and the critic's aiagent modules; the critic's"
            " stop_after_if ends it", _WHILE, _AGENT,
        ),
        "parallel": native(
            "branchall with an aiagent module per branch, then the synthesizer's",
            f"{_KINDS}.BranchAll", _AGENT,
        ),
        "dag": native(
            "branchall for parallel parts, branchone for branches, whileloopflow for loops",
            f"{_KINDS}.BranchAll", f"{_KINDS}.BranchOne", _WHILE, _AGENT,
        ),
    },
    hook="the engine's observer: modules, iterations, stops, texts, agents called as tools",
)
