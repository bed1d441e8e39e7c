"""Where the SDK itself has the say: handoffs, and workers as tools."""

from agentdyno.core.pattern import Handoff, Supervisor
from agentdyno.runners._openai_agents_team import Desk


async def supervisor(desk: Desk, pattern: Supervisor, turn: str) -> str:
    """Have the manager answer, with its workers as tools."""
    desk.hear(turn)
    return await desk.speak(pattern.manager)


async def handoff(desk: Desk, pattern: Handoff, turn: str) -> str:
    """Have whoever has control answer, or pass it on.

    The SDK counts the calls of all agents together; the hooks keep each one's own limit.
    """
    desk.hear(turn)
    active = desk.active or desk.team.agent(pattern.start)
    result = await desk.run(active, desk.items, None)
    desk.items, desk.active = result.to_input_list(), result.last_agent
    return str(result.final_output)
