"""Crews of the CrewAI adapter: pipeline, parallel and supervisor.

A crew knows a task's end by the task's callback. What comes next in a crew is certain by then, so
that the same callback tells who enters next.
"""

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

from crewai import Agent, Crew, Process, Task

from agentdyno.core.pattern import Parallel, Pipeline, Supervisor
from agentdyno.runners import _crewai_versions as release
from agentdyno.runners._crewai_delegations import delegations
from agentdyno.runners._crewai_staff import Stage

_EXPECTED = "The complete answer."

Say = Callable[[str], None]


class _Chat:
    """The user's turns and the answers so far: a crew keeps nothing between them."""

    def __init__(self) -> None:
        self._said: list[dict[str, str]] = []

    def task(self, turn: str, say: Say, *, note: str = "", **options: Any) -> Task:
        """Return a task that hands `turn` on, and its result to `say`."""
        description = f"{turn}\n\n{note}" if note else turn
        task = Task(
            description=description, expected_output=_EXPECTED,
            callback=lambda output: say(output.raw), **options,
        )
        if self._said:
            # The turn is a variable's value here, so that braces in it are only braces.
            task.description = "{turn}"
            task.interpolate_inputs_and_add_conversation_history(
                {"turn": description, "crew_chat_messages": json.dumps(self._said)}
            )
        return task

    def ended(self, turn: str, answer: str) -> str:
        self._said += [
            {"role": "user", "content": turn}, {"role": "assistant", "content": answer}
        ]
        return answer


def _crew(agents: Sequence[Agent], tasks: Sequence[Task], **options: Any) -> Crew:
    return Crew(
        agents=list(agents), tasks=list(tasks), cache=False, memory=False, verbose=False,
        tracing=False, **options,
    )


class PipelineCrew:
    """`Process.sequential`, one task for each step."""

    def __init__(self, stage: Stage, pattern: Pipeline) -> None:
        self._stage = stage
        self._steps = pattern.steps
        self._agents = {name: stage.staff.hire(name) for name in dict.fromkeys(pattern.steps)}
        self._chat = _Chat()

    async def ask(self, turn: str) -> str:
        """Have every step do its task."""
        tasks = [
            self._chat.task(turn, self._sayer(at), agent=self._agents[name])
            for at, name in enumerate(self._steps)
        ]
        self._enter(0)
        crew = _crew(tuple(self._agents.values()), tasks, process=Process.sequential)
        output: Any = await release.kickoff(crew)
        return self._chat.ended(turn, str(output.raw))

    def _enter(self, at: int) -> None:
        if at < len(self._steps):
            name = self._steps[at]
            self._stage.staff.begin(name)
            self._stage.teller.step("node", f"task {at + 1}", agent=name)

    def _sayer(self, at: int) -> Say:
        def say(text: str) -> None:
            later = tuple(dict.fromkeys(self._steps[at + 1:]))
            self._stage.teller.said(self._steps[at], text, later)
            self._enter(at + 1)

        return say


class ParallelCrew:
    """Asynchronous tasks side by side, and one more that has them for its context."""

    def __init__(self, stage: Stage, pattern: Parallel) -> None:
        self._stage = stage
        self._side_by_side = pattern.agents
        self._synthesizer = pattern.synthesizer
        everybody = dict.fromkeys((*pattern.agents, pattern.synthesizer))
        self._agents = {name: stage.staff.hire(name) for name in everybody}
        self._chat = _Chat()
        self._open: set[str] = set()
        self._one_at_a_time = threading.Lock()

    async def ask(self, turn: str) -> str:
        """Have all agents do the same task at once, then put together what they wrote."""
        tasks = [
            self._chat.task(turn, self._sayer(name), agent=self._agents[name],
                            async_execution=True)
            for name in self._side_by_side
        ]
        last = self._chat.task(
            turn, self._answered, agent=self._agents[self._synthesizer], context=tasks,
            note=f"The context holds the answers of {', '.join(self._side_by_side)}, in this"
            " order. Make one answer of them.",
        )
        self._open = set(self._side_by_side)
        for name in self._side_by_side:
            self._enter(name)
        crew = _crew(
            tuple(self._agents.values()), [*tasks, last], process=Process.sequential
        )
        output: Any = await release.kickoff(crew)
        return self._chat.ended(turn, str(output.raw))

    def _enter(self, name: str) -> None:
        self._stage.staff.begin(name)
        self._stage.teller.step("node", "task", agent=name)

    def _sayer(self, name: str) -> Say:
        def say(text: str) -> None:
            # Where the crew runs in threads, so do the callbacks.
            with self._one_at_a_time:
                self._stage.teller.said(name, text, (self._synthesizer,))
                self._open.discard(name)
                if not self._open:
                    self._enter(self._synthesizer)

        return say

    def _answered(self, text: str) -> None:
        self._stage.teller.said(self._synthesizer, text)


class SupervisorCrew:
    """`Process.hierarchical` with a `manager_agent`, who delegates by CrewAI's own tools."""

    def __init__(self, stage: Stage, pattern: Supervisor) -> None:
        self._stage = stage
        self._pattern = pattern
        self._manager = stage.staff.hire(pattern.manager, delegates=True)
        self._workers = {name: stage.staff.hire(name) for name in pattern.workers}
        self._chat = _Chat()

    async def ask(self, turn: str) -> str:
        """Give the manager the task, and nobody else."""
        task = self._chat.task(turn, self._answered)
        crew = _crew(
            tuple(self._workers.values()), [task], process=Process.hierarchical,
            manager_agent=self._manager,
        )
        self._stage.staff.begin(self._pattern.manager)
        with delegations(crew, self._stage, self._pattern.manager, self._workers):
            output: Any = await release.kickoff(crew)
        return self._chat.ended(turn, str(output.raw))

    def _answered(self, text: str) -> None:
        self._stage.teller.said(self._pattern.manager, text)
