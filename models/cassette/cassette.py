"""A cassette: everything that a trial was told, by models and by tools."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agentdyno import __version__
from agentdyno.core.errors import UsageError
from agentdyno.core.event import WireRecord
from agentdyno.core.recording import ToolRecording
from agentdyno.core.trial import Trial
from agentdyno.models.cassette.document import dumped, parsed
from agentdyno.models.cassette.modelside import model_side
from agentdyno.models.cassette.recordings import FORMAT, Head, ModelRecording
from agentdyno.models.cassette.secrets import Scrubber
from agentdyno.models.cassette.toolside import tool_side


@dataclass(frozen=True, kw_only=True)
class Cassette:
    """One recorded trial."""

    head: Head
    calls: tuple[ModelRecording, ...]
    """Model calls in the order in which they began."""
    recording: ToolRecording | None
    """What the tools were and said; null when the trial does not tell."""
    file: str = ""
    """The file that it was read from, as the user would type it."""

    @classmethod
    def of(
        cls, trial: Trial, wire: Sequence[WireRecord], *, scrub: Sequence[str] = ()
    ) -> "Cassette":
        """Make a cassette of a sealed trial.

        Args:
            trial: the trial.
            wire: its raw exchanges.
            scrub: secrets that must not be in it, such as the providers' keys; what looks like a
                key is taken out in any case.

        Raises:
            UsageError: no provider answered in it, or the harness injected faults, which no
                provider ever said.
        """
        if any(event.kind == "fault" for event in trial.events):
            raise UsageError(
                f"trial {trial.id[:10]} had injected faults, so its answers are not what the "
                "provider said.", "record it without faults, and replay it with them",
            )
        scrubber = Scrubber(scrub)
        calls, left_out = model_side(trial, wire, scrubber)
        if not calls:
            raise UsageError(
                f"trial {trial.id[:10]} has nothing to record: no model call was answered"
                + (f" ({left_out[0]})" if left_out else "") + ".",
                f"agentdyno show {trial.id[:10]}",
            )
        head = Head(
            cassette=FORMAT, harness=__version__, trial=trial.id, recorded_at=trial.started_at,
            key=trial.key, outcome=trial.outcome.value, left_out=left_out,
            user_turns=tuple(map(scrubber.text, trial.user_turns)),
            answers=tuple(map(scrubber.text, trial.answers)),
        )
        return cls(head=head, calls=calls, recording=tool_side(trial, wire, scrubber))

    @classmethod
    def read(cls, text: str, file: str, *, accept: bool = False) -> "Cassette":
        """Read a cassette from the text of its file; raises like `document.parsed`."""
        head, calls, recording = parsed(text, file, accept=accept)
        return cls(head=head, calls=calls, recording=recording, file=file)

    def part(self, agent: str, *, without: bool = False) -> "Cassette":
        """Return the cassette with the calls of `agent` alone, or with all others."""
        calls = tuple(call for call in self.calls if (call.agent == agent) is not without)
        return replace(self, calls=calls)

    def text(self) -> str:
        """Return the sealed text of the cassette's file."""
        return dumped(self.head, self.calls, self.recording)

    def tools(self) -> ToolRecording:
        """Return what the tools were and said.

        Raises:
            UsageError: the recorded trial does not tell.
        """
        if self.recording is None:
            raise UsageError(
                f"{self.file or 'the cassette'} holds no tool results: its trial was stored by an "
                "agentdyno that did not keep which server a tool is of.",
                "record it again, with --model record, or leave out --tools replay",
            )
        return self.recording
