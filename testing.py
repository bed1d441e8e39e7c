"""For unit tests of agents: mock agents, patterns played with them, a scripted model in memory."""

from agentdyno.experiments.pytesting.graph import GraphRun, play_graph, run_graph
from agentdyno.experiments.pytesting.mocks import Heard, MockAgent, Move, delegate, hand_off
from agentdyno.experiments.pytesting.scripted import ScriptedModel
from agentdyno.experiments.pytesting.seen import Seen
from agentdyno.experiments.pytesting.trialview import TrialView

__all__ = [
    "GraphRun", "Heard", "MockAgent", "Move", "ScriptedModel", "Seen", "TrialView", "delegate",
    "hand_off", "play_graph", "run_graph",
]
