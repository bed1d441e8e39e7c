"""One recording as a conversation."""

from collections import defaultdict

import click

from agentdyno.core.canonical import canonical_json
from agentdyno.models.cassette.cassette import Cassette
from agentdyno.models.cassette.readable import answer_lines, parameter_lines, prompt_lines
from agentdyno.models.cassette.recordings import ModelRecording

_LINES, _WIDTH = 30, 160


def print_cassette(cassette: Cassette, *, full: bool) -> None:
    """Print whose recording it is, then every call with what is new in it."""
    head, key = cassette.head, cassette.head.key
    click.echo(f"{key.scenario} on {key.runner} {key.runner_version}, variant {key.variant}, "
               f"repeat {key.repeat}{', streamed' if key.stream else ''}")
    click.echo(f"recorded {head.recorded_at[:19]} UTC from trial {head.trial[:10]} "
               f"({head.outcome}) by agentdyno {head.harness}")
    for line in head.left_out:
        click.echo(f"left out: {line}")
    seen: defaultdict[str, list[str]] = defaultdict(list)
    for call in cassette.calls:
        click.echo("")
        click.echo(f"== {call.label}: {_origin(call)}{_times(call)}")
        prompt = prompt_lines(call.request)
        shared = _shared(seen[call.agent], prompt)
        if not shared:
            _print(parameter_lines(call.request), "   ", full=full)
            tools = [_name(tool) for tool in call.request.get("tools") or ()]
            _print([f"tools: {', '.join(tools) or 'none'}"], "   ", full=full)
        elif shared == len(seen[call.agent]):
            click.echo("   (all that was said before, and:)")
        else:
            click.echo(f"   (the first {shared} lines of the call before, then:)")
        _print(prompt[shared:], " > ", full=full)
        _print(answer_lines(call), " < ", full=full)
        seen[call.agent] = prompt
    for result in cassette.recording.results if cassette.recording else ():
        click.echo("")
        click.echo(f"== tool call {result.ordinal + 1} of {result.agent}: {result.server}."
                   f"{result.tool} (recorded: {result.duration_ms:.1f} ms)")
        _print([canonical_json(result.arguments)], " > ", full=full)
        _print([canonical_json(result.result)], " < ", full=full)
    if cassette.recording and cassette.recording.end_state:
        click.echo("\n== end state")
        _print([f"{name}: {canonical_json(state)}"
                for name, state in cassette.recording.end_state.items()], "   ", full=full)


def _print(lines: list[str], mark: str, *, full: bool) -> None:
    shown = lines if full or len(lines) <= _LINES else lines[:_LINES]
    for line in shown:
        cut = line if full or len(line) <= _WIDTH else f"{line[:_WIDTH]}…"
        click.echo(f"{mark}{cut}")
    if len(shown) < len(lines):
        click.echo(f"{mark}... and {len(lines) - len(shown)} more lines (--full)")


def _origin(call: ModelRecording) -> str:
    provider = f"{call.provider} " if call.provider else ""
    return f"{provider}{call.provider_model or call.request.get('model', '')} ({call.status})"


def _times(call: ModelRecording) -> str:
    first = "" if call.first_token_ms is None else f", first content {call.first_token_ms:.0f} ms"
    events = f", {len(call.stream)} events" if call.stream else ""
    return f", recorded: {call.duration_ms:.0f} ms{first}{events}"


def _name(tool: object) -> str:
    function = tool.get("function", tool) if isinstance(tool, dict) else {}
    return str(function.get("name", "?"))


def _shared(before: list[str], now: list[str]) -> int:
    """Return how many lines both begin with."""
    count = 0
    for one, other in zip(before, now, strict=False):
        if one != other:
            break
        count += 1
    return count
