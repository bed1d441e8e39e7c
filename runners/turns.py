"""What the user says in a trial, as every adapter hears it.

    async for turn in turns:
        turns.answered(await team.ask(turn))
"""

from collections.abc import Awaitable, Callable, Sequence

User = Callable[[tuple[str, ...]], Awaitable[str | None]]
"""Given every answer so far, returns what the user says next; null when he says no more."""


class Turns:
    """The user's turns, one at a time: each is there once the one before it is answered."""

    def __init__(self, known: Sequence[str], user: User | None = None) -> None:
        """
        Args:
            known: turns that stand beforehand.
            user: is asked for those after them; null ends the conversation there.
        """
        self._known = known
        self._user = user
        self._said = 0
        self._answers: list[str] = []
        self.waiting = False
        """Whether the user is thinking about what to say."""

    @property
    def answers(self) -> tuple[str, ...]:
        """The team's answers, one for each turn that it got to."""
        return tuple(self._answers)

    def answered(self, text: str) -> None:
        """Take note of the answer to the turn that was said last.

        Raises:
            RuntimeError: that turn has its answer already.
        """
        if len(self._answers) == self._said:
            raise RuntimeError(f"user turn {self._said} was answered twice")
        self._answers.append(text)

    def __aiter__(self) -> "Turns":
        return self

    async def __anext__(self) -> str:
        if self._said > len(self._answers):
            raise RuntimeError(f"user turn {self._said} has no answer yet")
        turn = await self._next()
        if turn is None:
            raise StopAsyncIteration
        self._said += 1
        return turn

    async def _next(self) -> str | None:
        if self._said < len(self._known):
            return self._known[self._said]
        if self._user is None:
            return None
        self.waiting = True
        try:
            return await self._user(self.answers)
        finally:
            self.waiting = False


class Line:
    """A user whose failure is not the framework's: he hangs up, and the trial's host raises it."""

    def __init__(self, user: User) -> None:
        self._user = user
        self._failure: Exception | None = None

    async def __call__(self, answers: tuple[str, ...]) -> str | None:
        """Ask the user."""
        try:
            return await self._user(answers)
        except Exception as failure:
            self._failure = failure
            return None

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._failure is not None:
            raise self._failure
