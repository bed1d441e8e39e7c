"""From the messages of the OpenAI chat format to a conversation of user turns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentdyno.core.errors import Problem
from agentdyno.core.yamlproblem import nearest
from agentdyno.scenarios.importing.located import KeyPath
from agentdyno.scenarios.importing.message import CallDraft, MessageReader
from agentdyno.scenarios.importing.schemas import all_tools, given_tools
from agentdyno.scenarios.importing.talk import (
    Conversation,
    ModelTurn,
    RawTalk,
    RecordedCall,
    RecordedResult,
    UserTurn,
)

ROLES = ("system", "developer", "user", "assistant", "tool", "function")


@dataclass(eq=False, slots=True)
class _Step:
    path: KeyPath
    text: str
    calls: list[CallDraft]


@dataclass(eq=False, slots=True)
class _Turn:
    text: str
    steps: list[_Step] = field(default_factory=list)
    answer: str | None = None


class _Reader:
    """Goes through the messages once; nothing is guessed without a note."""

    def __init__(self, talk: RawTalk) -> None:
        self._talk = talk
        self._messages = MessageReader(talk.document)
        self._system: list[str] = []
        self._turns: list[_Turn] = []
        self._open: list[CallDraft] = []
        self._closed: set[str] = set()
        self._answered = False
        self.notes: list[str] = []
        self.problems = self._messages.problems

    def read(self) -> Conversation | None:
        """Return the conversation, or None when there are problems."""
        for number, (path, message) in enumerate(self._talk.messages):
            self._take(number, path, message)
        self._finish()
        if self.problems:
            return None
        return self._conversation()

    def _add(self, path: KeyPath, message: str) -> None:
        self.problems.append(self._talk.document.problem(path, message))

    def _take(self, number: int, path: KeyPath, message: Any) -> None:
        if not isinstance(message, dict):
            self._add(path, "a message is an object with a role and content")
            return
        match message.get("role"):
            case "system" | "developer":
                self._take_system(number, path, message)
            case "user":
                self._take_user(number, path, message)
            case "assistant":
                self._take_assistant(number, path, message)
            case "tool" | "function":
                self._take_result(path, message)
            case None:
                self._add(path, f"the message has no role; it is one of {', '.join(ROLES)}")
            case role:
                known = f"{nearest(str(role), ROLES)}; roles are {', '.join(ROLES)}"
                self._add((*path, "role"), f"unknown role {role!r}{known}")

    def _take_system(self, number: int, path: KeyPath, message: dict[str, Any]) -> None:
        text = self._messages.text(path, message)
        if not self._turns:
            self._system += [text] if text else []
        elif text:
            self.notes.append(
                f"Message {number} is a {message['role']} message in mid-conversation, for which "
                "frameworks have no place; it was left out."
            )

    def _take_user(self, number: int, path: KeyPath, message: dict[str, Any]) -> None:
        known = len(self.problems)
        text = self._messages.text(path, message)
        if not text and len(self.problems) == known:
            self._add(path, "the user says nothing; remove the message or give it a text")
        self._close()
        last = self._turns[-1] if self._turns else None
        if last is not None and not last.steps and last.answer is None:
            last.text = f"{last.text}\n\n{text}"
            self.notes.append(
                f"Message {number} follows another one of the user's; both are one user turn here."
            )
        else:
            self._turns.append(_Turn(text))

    def _take_assistant(self, number: int, path: KeyPath, message: dict[str, Any]) -> None:
        text = self._messages.text(path, message)
        calls = self._messages.calls(path, message)
        self._close()
        if not self._turns:
            if calls:
                self._add(path, "the assistant calls tools before the user has said anything")
            self.notes.append(
                f"Message {number} is the assistant's, before the user has said anything; it was "
                "left out, because here the user begins."
            )
            return
        turn = self._turns[-1]
        if turn.answer is not None:
            text = "\n\n".join(part for part in (turn.answer, text) if part)
            turn.answer = None
            self.notes.append(
                f"Message {number} follows another one of the assistant's; both are one message "
                "here, because a text without a call ends a turn."
            )
        if not calls:
            turn.answer = text
            return
        taken = {call.id for call in self._open}
        for call in calls:
            if call.id in taken:
                self._add(call.path, f"two calls of one message have the id {call.id!r}")
            taken.add(call.id)
        self._open = calls
        turn.steps.append(_Step(path, text, calls))

    def _take_result(self, path: KeyPath, message: dict[str, Any]) -> None:
        texts = self._messages.texts(path, message)
        if message["role"] == "function":
            matching = [call for call in self._open if call.tool == message.get("name")]
            what = f"function {message.get('name')!r}"
        else:
            ident = message.get("tool_call_id")
            if not isinstance(ident, str):
                self._add(path, "a tool result without tool_call_id: nothing says which call it is "
                                "the result of")
                return
            matching = [call for call in self._open if call.id == ident]
            what = f"tool_call_id {ident!r}"
            if not matching and ident in self._closed:
                self._add(path, f"the result of {what} stands after another message; it must "
                                "follow the message that made the call")
                return
        if not matching:
            self._add(path, f"a tool result without a call: no message before it made the call of "
                            f"{what}{self._calls_shown()}")
            return
        call = matching[0]
        if call.result is not None:
            self._add(path, f"a second result of {what}")
        call.result = RecordedResult(texts=texts)
        self._answered = True

    def _calls_shown(self) -> str:
        waiting = [f"{call.id} ({call.tool})" for call in self._open if call.result is None]
        return f"; calls without a result: {', '.join(waiting)}" if waiting else ""

    def _close(self) -> None:
        """Forget the calls of the message before: their results can come no more."""
        self._closed |= {call.id for call in self._open}
        self._open = []

    def _finish(self) -> None:
        self._check_results()
        if self._turns and not self._turns[-1].steps and self._turns[-1].answer is None:
            self._turns.pop()
            self.notes.append(
                "The recording ends with a message of the user's that has no answer; it was left "
                "out."
            )
        if not self._turns:
            here = self._talk.messages[0][0] if self._talk.messages else ()
            if not self.problems:
                self._add(here, "no message of the user's is answered, so there is nothing to "
                                "replay")
        for number, turn in enumerate(self._turns, start=1):
            if turn.answer is None:
                self.notes.append(
                    f"No final answer is recorded for user turn {number}: the scripted model says "
                    "so in its place, and the answer is not checked."
                )
            elif not turn.answer.strip():
                self.notes.append(
                    f"The answer to user turn {number} is empty, which some frameworks take for an "
                    "error."
                )

    def _check_results(self) -> None:
        missing = [
            call for turn in self._turns for step in turn.steps for call in step.calls
            if call.result is None
        ]
        if not missing:
            return
        if not self._answered:
            self.notes.append(
                "No tool results are recorded: the tool server answers each call with an error "
                "that says so."
            )
            return
        for call in missing:
            if call in self._open:
                self.notes.append(
                    f"The recording ends before the result of the last call of {call.tool}: the "
                    "tool server answers it with an error that says so."
                )
            else:
                self._add(call.path, f"a call without a result: no tool message has the "
                                     f"tool_call_id {call.id!r} ({call.tool}), while other calls "
                                     "have their results")

    def _conversation(self) -> Conversation | None:
        turns = tuple(
            UserTurn(text=turn.text, answer=turn.answer, steps=tuple(map(_model_turn, turn.steps)))
            for turn in self._turns
        )
        given = given_tools(self._talk.document, self._talk.tools, self.problems)
        calls = [call for turn in turns for call in turn.calls]
        tools, notes = all_tools(given, calls)
        if self.problems:
            return None
        if not self._system:
            notes.append("The recording has no system prompt; the instructions are agentdyno's.")
        return Conversation(
            source=self._talk.source, instructions="\n\n".join(self._system) or None, turns=turns,
            tools=tools, notes=(*self.notes, *notes),
        )


def _model_turn(step: _Step) -> ModelTurn:
    return ModelTurn(text=step.text, calls=tuple(
        RecordedCall(tool=call.tool, arguments=call.arguments, result=call.result)
        for call in step.calls
    ))


def read_talk(talk: RawTalk) -> tuple[Conversation | None, Sequence[Problem]]:
    """Return the conversation, or None and what is wrong with it."""
    reader = _Reader(talk)
    conversation = reader.read()
    return conversation, reader.problems
