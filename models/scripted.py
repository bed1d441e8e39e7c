"""The scripted model: an upstream that plays a script, and refuses what the script does not cover.

Which rule is played depends on the request alone. The only thing remembered between requests is
how often a state was seen, so that a retry after a seeded error draws anew.
"""

import random
from collections import Counter
from collections.abc import Iterator

from jinja2 import TemplateError

from agentdyno.core.errors import ScriptGap
from agentdyno.models.bpe import warm_up
from agentdyno.models.conversation import ChatMessage, Conversation, Pace, Reply
from agentdyno.models.embeddings import Embeddings, hash_ngrams
from agentdyno.models.intents import Play, Unplayable
from agentdyno.models.script import CompiledRule, Script
from agentdyno.models.scriptfile import LatencySpec
from agentdyno.models.state import State
from agentdyno.models.upstream import ModelRequest

_SHOWN_MESSAGES = 12
_SHOWN_CHARACTERS = 240


class ScriptedUpstream:
    """Plays a script for one trial."""

    def __init__(self, script: Script, seed: int) -> None:
        """
        Args:
            script: what to play.
            seed: the trial's seed, for `chance` and latency.
        """
        self._script = script
        self._seed = seed
        self._seen: Counter[str] = Counter()
        warm_up()  # Whatever it says is counted here.

    async def answer(self, request: ModelRequest) -> Reply | Embeddings:
        """Answer with the first rule that matches, and embed with `hash-ngram-v1` vectors.

        Those know spelling, not meaning. See `Upstream.answer`.
        """
        if request.api == "embeddings":
            return hash_ngrams(request.embedding.texts, request.embedding.dimensions)
        state = State(
            request.conversation, agent=request.agent, variables=self._script.variables,
            draw=lambda key: self._generator(f"{request.agent}/{key}"),
        )
        reply = self._play(request, state)
        latency = self._script.latency
        if latency is None:
            return reply
        calls = len(state.calls)
        generator = self._generator(f"pace/{request.agent}/{state.turn}/{calls}")
        return Reply(text=reply.text, calls=reply.calls, finish_reason=reply.finish_reason,
                     pace=_pace(latency, generator))

    def _play(self, request: ModelRequest, state: State) -> Reply:
        rule: CompiledRule | None = None
        try:
            for rule in self._candidates(request, state):
                return self._of(request, state, rule).reply()
        except (Unplayable, TemplateError, LookupError, TypeError, ValueError, ArithmeticError,
                AttributeError) as error:
            raise self._gap(request, f"cannot be played here: {error}", rule) from error
        raise self._gap(request, "has no rule for this state of the conversation", None)

    def _candidates(self, request: ModelRequest, state: State) -> Iterator[CompiledRule]:
        """Yield the rule that counts, if any: one that is half done, else the first match."""
        rules = self._script.rules.get(request.agent, ())
        if not request.conversation.parallel:
            for rule in rules:
                if len(rule.calls) > 1 and self._is_half_done(request, state, rule):
                    yield rule
                    return
        for rule in rules:
            if rule.when is None or rule.when(state.names):
                yield rule
                return

    def _is_half_done(self, request: ModelRequest, state: State, rule: CompiledRule) -> bool:
        """Whether one-by-one calls have begun a rule, and the last of them did not fail."""
        last = state.calls[-1] if state.calls else None
        if last is None or (last.result is not None and last.result.failed):
            return False
        try:
            remaining = self._of(request, state, rule).remaining()
        except TemplateError:
            return False
        return 0 < len(remaining) < len(rule.calls)

    def _of(self, request: ModelRequest, state: State, rule: CompiledRule) -> Play:
        return Play(rule=rule, state=state, agent=request.agent, ordinal=request.ordinal,
                    team=request.agents)

    def _generator(self, state: str) -> random.Random:
        self._seen[state] += 1
        return random.Random(f"{self._seed}/{state}/{self._seen[state]}")  # noqa: S311

    def _gap(
        self, request: ModelRequest, what: str, rule: CompiledRule | None
    ) -> ScriptGap:
        where = self._script.file
        subject = f"the script of agent {request.agent!r} ({where})"
        if rule is not None:
            where = rule.file
            when = f", when: {rule.rule.when}" if rule.rule.when else ""
            subject = f"rule {rule.number}{when} of agent {request.agent!r} ({where})"
        return ScriptGap(
            f"{subject} {what}\n{_shown(request.conversation)}",
            f"add or change a rule for {request.agent} in {where}",
        )


def _pace(latency: LatencySpec, generator: random.Random) -> Pace:
    def vary() -> float:
        return generator.uniform(1 - latency.jitter, 1 + latency.jitter)

    return Pace(
        first_token_s=latency.first_token_s * vary(),
        token_s=vary() / latency.tokens_per_s if latency.tokens_per_s else 0.0,
    )


def _shown(conversation: Conversation) -> str:
    """Return the request for a person to read, shortened."""
    messages = conversation.messages
    left_out = max(0, len(messages) - _SHOWN_MESSAGES)
    offered = ", ".join(offer.name for offer in conversation.tools) or "none"
    lines = [f"  tools offered: {offered}; tool_choice: {conversation.tool_choice}"]
    if left_out:
        lines += [_line(messages[0]), f"  ... {left_out} earlier messages ..."]
    return "\n".join(lines + [_line(message) for message in messages[-_SHOWN_MESSAGES:]])


def _line(message: ChatMessage) -> str:
    text = " ".join(message.text.split())
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[: _SHOWN_CHARACTERS * 2 // 3]} ... {text[-_SHOWN_CHARACTERS // 3 :]}"
    calls = "".join(f" -> {call.name}({call.arguments[:120]})" for call in message.calls)
    name = f" {message.name}" if message.name else ""
    return f"  [{message.role}{name}] {text}{calls}"
