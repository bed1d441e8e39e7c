"""The simulated user: an agent of the bench's own, behind the same model gateway as the team.

His calls are `ModelCall`s of `USER_SIMULATOR`; each turn of his is a `Message` with the time that
he took, and the reason why he ended the conversation is a `Step`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from agentdyno.agents.template import TemplateFault, holds
from agentdyno.core.event import Message, Step
from agentdyno.core.sink import Sink
from agentdyno.core.trial import USER_SIMULATOR, Outcome
from agentdyno.scenarios.users import END_MARK, END_TOOL, LoadedUser

OPENING = "(The conversation begins. Write your first message.)"
"""Stands before the user's first turn: providers want a conversation to begin with their side."""
NO_ANSWER = "(no answer)"
"""What the user is told of an answer without text; providers refuse an empty message."""

_END = {"type": "function", "function": {
    "name": END_TOOL,
    "description": "End the conversation: you have what you want, or will not get it.",
    "parameters": {
        "type": "object", "required": ["reason"],
        "properties": {"reason": {"type": "string", "description": "Why, in a few words."}},
    },
}}


class _Fault(Exception):
    """The simulated user cannot go on, for a reason that is not the team's."""


class UserSimulator:
    """Says what the user of one trial says next; called with every answer so far."""

    def __init__(
        self, user: LoadedUser, *, first: Sequence[str], variables: Mapping[str, Any],
        sink: Sink, base_url: str,
    ) -> None:
        """
        Args:
            user: who he is, and when he stops.
            first: turns that are said without him.
            variables: what `stop.when` reads as `vars`.
            sink: the trial's.
            base_url: of the model gateway, for the user's own path.
        """
        self._user = user
        self._variables = variables
        self._sink = sink
        self._url = f"{base_url}/chat/completions"
        self.said = list(first)
        """Every turn so far."""

    async def __call__(self, answers: tuple[str, ...]) -> str | None:
        """Return the next turn, or null when the conversation is over.

        A model that does not answer ends the trial as a harness fault: it is none of the team's.
        """
        began_s = self._sink.now()
        try:
            why = self._over(answers)
            text, why = (None, why) if why else _read(await self._ask(answers))
        except _Fault as fault:
            self._sink.end(Outcome.HARNESS_FAULT, f"the simulated user {fault}")
            return None
        now = self._sink.now()
        if text is None:
            name = f"conversation ended: {why}"
            self._sink.record(Step(
                agent=USER_SIMULATOR, started_s=began_s, ended_s=now, name=name
            ))
            return None
        self.said.append(text)
        self._sink.record(Message(
            agent=USER_SIMULATOR, started_s=began_s, ended_s=now, text=text
        ))
        return text

    def _over(self, answers: tuple[str, ...]) -> str:
        """Return why the conversation is over whatever the user's model would say; "" if not."""
        if len(self.said) >= self._user.max_turns:
            return f"max_turns {self._user.max_turns}"
        when = self._user.when
        if when is None or not answers:
            return ""
        names = {
            "answer": answers[-1], "answers": answers, "turn": len(answers),
            "vars": self._variables,
        }
        try:
            return f"when {when}" if holds(when, names) else ""
        except TemplateFault as fault:
            raise _Fault(f"cannot tell whether to stop: {when}: {fault}") from fault

    def _messages(self, answers: tuple[str, ...]) -> list[dict[str, str]]:
        """Return the conversation from the user's side: he is the one who generates."""
        messages = [
            {"role": "system", "content": self._user.agent.instructions},
            {"role": "user", "content": OPENING},
        ]
        for turn, answer in zip(self.said, answers, strict=True):
            messages.append({"role": "assistant", "content": turn})
            messages.append({"role": "user", "content": answer.strip() or NO_ANSWER})
        return messages

    async def _ask(self, answers: tuple[str, ...]) -> Any:
        # Dear to import, and few scenarios have a simulated user.
        import aiohttp

        spec = self._user.agent
        body: dict[str, Any] = {
            "model": spec.model, "messages": self._messages(answers), "tools": [_END],
        }
        if spec.temperature is not None:
            body["temperature"] = spec.temperature
        # The trial's timeout ends a slow call.
        timeout = aiohttp.ClientTimeout(total=None)
        headers = {"Authorization": f"Bearer {self._sink.token}"}
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.post(self._url, json=body) as response,
            ):
                said = await response.json(content_type=None)
        except (aiohttp.ClientError, ValueError) as error:
            raise _Fault(f"got no answer from its model: {error}") from error
        if response.status != 200:
            raise _Fault(f"got status {response.status} from its model: {_message(said)}")
        return said


def _message(said: Any) -> str:
    error = said.get("error") if isinstance(said, dict) else None
    return str(error.get("message") if isinstance(error, dict) else said)


def _read(said: Any) -> tuple[str | None, str]:
    """Return the next turn, or null and why there is none."""
    try:
        message = said["choices"][0]["message"]
        calls = message.get("tool_calls") or ()
        ended = [call["function"] for call in calls if call["function"]["name"] == END_TOOL]
        text = str(message.get("content") or "").strip()
    except (AttributeError, IndexError, KeyError, TypeError) as error:
        raise _Fault("got something from its model that is no chat completion") from error
    if ended:
        return None, f"{END_TOOL} {ended[0].get('arguments') or ''}".rstrip()
    if END_MARK in text:
        return None, END_MARK
    if not text:
        raise _Fault(f"got neither a text nor {END_TOOL} from its model")
    return text, ""
