"""A wire diff on a terminal: heads, tokens call by call, parameters, tools; then the messages."""

from collections.abc import Callable, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from agentdyno.cli.diffmessages import print_messages
from agentdyno.cli.difftext import A, B, change_text, indented, text_diff
from agentdyno.experiments.wirediff.nouns import (
    AskedCall,
    CallDiff,
    Change,
    Parts,
    Side,
    ToolDiff,
    TrialDiff,
    Where,
)

PARTS: dict[str, Callable[[Parts], int]] = {
    "system": lambda parts: parts.system,
    "user": lambda parts: parts.user,
    "assistant": lambda parts: parts.assistant,
    "tool\nresults": lambda parts: parts.tool_results,
    "tool\nschemas": lambda parts: parts.tool_schemas,
    "output\nschema": lambda parts: parts.output_schema,
    "prompt": lambda parts: parts.prompt,
    "compl.": lambda parts: parts.completion,
}


def print_diff(console: Console, diff: TrialDiff, *, full: bool) -> None:
    """Print everything that differs; what is equal is said in a word."""
    _heads(console, diff)
    for note in diff.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    _tokens(console, diff)
    _parameters(console, diff, full=full)
    _tools(console, diff, full=full)
    print_messages(console, diff, full=full)


def heading(console: Console, text: str, *more: Text) -> None:
    """Print the head of a section."""
    console.print()
    console.print(Text(text, style="bold").append_text(Text("").join(more)))


def _heads(console: Console, diff: TrialDiff) -> None:
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, style, side in (("A", A, diff.a), ("B", B, diff.b)):
        table.add_row(
            Text(name, style=f"bold {style}"), Text(side.runner, style="bold"), side.trial[:10],
            _setting(side), f"{side.calls} calls",
        )
    console.print(table)


def _setting(side: Side) -> str:
    told = [side.scenario, f"repeat {side.repeat}", f"{side.model} model", side.retries]
    told += [side.variant] if side.variant != "baseline" else []
    told += [f"faults {side.faults}"] if side.faults else []
    return ", ".join([*told, *(["streamed"] if side.stream else [])])


def _tokens(console: Console, diff: TrialDiff) -> None:
    """Print the calls in pairs, with the tokens of each part in A and B."""
    sides = Text("  A", style=A) + Text(" → ") + Text("B", style=B)
    heading(console, "calls and their tokens", sides)
    used = [
        name for name, of in PARTS.items()
        if name == "prompt" or of(diff.a.tokens) or of(diff.b.tokens)
    ]
    for between in (" → ", "\n"):
        table = _token_table(diff, used, between)
        width = Measurement.get(console, console.options.update(width=400), table).maximum
        if width <= console.width:
            break
    console.print(table)
    extra = diff.b.tokens.prompt - diff.a.tokens.prompt
    share = f" ({100 * extra / diff.a.tokens.prompt:+.0f} %)" if diff.a.tokens.prompt else ""
    more = diff.b.calls - diff.a.calls
    console.print(
        f"B sends {extra:+,} prompt tokens{share} in "
        f"{f'{more:+} calls' if more else 'as many calls'}; "
        "counted by agentdyno in one way for both.", style="dim",
    )


def _token_table(diff: TrialDiff, used: Sequence[str], between: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("agent", no_wrap=True)
    table.add_column("call", justify="right", no_wrap=True)
    for name in used:
        table.add_column(name, justify="right", no_wrap=True)
    for agent, calls in groupby(diff.calls, key=lambda call: call.agent):
        for at, call in enumerate(calls):
            cells = [_cell(call.a, call.b, PARTS[name], between) for name in used]
            table.add_row(Text(agent if not at else "", style="yellow"), _number(call), *cells)
    table.add_section()
    table.add_row("total", "", *(
        _values(PARTS[name](diff.a.tokens), PARTS[name](diff.b.tokens), between) for name in used
    ))
    return table


def _number(call: CallDiff) -> Text:
    if call.a is None or call.b is None:
        side, style = ("B", B) if call.a is None else ("A", A)
        return Text(f"{side} alone ", style=style) + Text(str(call.number))
    failed = call.a.status >= 400 or call.b.status >= 400
    return Text(str(call.number), style="red" if failed else "")


def _cell(
    a: AskedCall | None, b: AskedCall | None, part: Callable[[Parts], int], between: str
) -> Text:
    if a is None or b is None:
        alone = a or b
        assert alone is not None
        return Text(f"{part(alone.tokens):,}", style=A if b is None else B)
    return _values(part(a.tokens), part(b.tokens), between)


def _values(a: int, b: int, between: str) -> Text:
    if a == b:
        return Text(f"{a:,}" if a else "–", style="dim")
    return Text(f"{a:,}", style=A) + Text(between, style="dim") + Text(f"{b:,}", style=B)


def where_text(where: Where, diff: TrialDiff) -> str:
    """Return in which calls something was seen, in words."""
    pairs: dict[str, list[int]] = {}
    for call in diff.calls:
        if call.a and call.b:
            pairs.setdefault(call.agent, []).append(call.number)
    if {agent: list(numbers) for agent, numbers in where.items()} == pairs:
        return "every call"
    return "; ".join(
        f"{agent}, every call" if list(numbers) == pairs.get(agent) else
        f"{agent} {', '.join(map(str, numbers))}"
        for agent, numbers in where.items()
    )


def _parameters(console: Console, diff: TrialDiff, *, full: bool) -> None:
    heading(console, "parameters", Text("" if diff.parameters else ": equal", style="green"))
    for one in diff.parameters:
        line = change_text(one.change, full=full)
        indented(console, line + Text(f"  {where_text(one.where, diff)}", style="dim"),
                              2)


def _tools(console: Console, diff: TrialDiff, *, full: bool) -> None:
    offered = [call for call in diff.calls for side in (call.a, call.b) if side and side.tools]
    if not offered:
        heading(console, "tools", Text(": none on either side"))
        return
    equal = not (diff.tools or diff.order)
    heading(console, "tools", Text(": equal" if equal else "", style="green"))
    for tool in diff.tools:
        _one_tool(console, tool, diff, full=full)
    names = {tool.a or "" for tool in diff.tools if tool.a and tool.b}
    for changes, tools in _grouped(diff.tools):
        every = len(tools) > 2 and set(tools) == names
        label = f"all {len(tools)} that differ" if every else ", ".join(tools)
        indented(console, Text(label, style="bold blue"), 2)
        for change in changes:
            indented(console, change_text(change, full=full), 4)
    for order in diff.order:
        indented(
            console, Text("order: ", style="cyan") + Text(", ".join(order.a), style=A) + Text(" → ")
            + Text(", ".join(order.b), style=B)
            + Text(f"  {where_text(order.where, diff)}", style="dim"), 2)


def _one_tool(console: Console, tool: ToolDiff, diff: TrialDiff, *, full: bool) -> None:
    """Print what concerns one tool alone: it is there or not, its name, its description."""
    where = Text(f"  {where_text(tool.where, diff)}", style="dim")
    if tool.a is None or tool.b is None:
        side, style = ("B", B) if tool.a is None else ("A", A)
        tokens = tool.tokens_a or tool.tokens_b
        line = Text(f"{tool.a or tool.b}", style=f"bold {style}")
        indented(console, line + Text(f" in {side} alone, {tokens:,} tokens") + where,
                              2)
        return
    if tool.a != tool.b:
        line = Text(tool.a, style=A) + Text(" renamed to ") + Text(tool.b, style=B)
        indented(console, line + where, 2)
    if tool.description:
        indented(console, Text(f"{tool.a}: description", style="bold blue"), 2)
        body = text_diff(tool.description, console.width - 4, full=full)
        indented(console, body, 4)


def _grouped(tools: Sequence[ToolDiff]) -> list[tuple[list[Change], list[str]]]:
    """Return changes by the tools that share them: frameworks rewrite many tools in one way."""
    sharing: dict[str, tuple[Change, list[str]]] = {}
    for tool in tools:
        for change in tool.changes:
            _, names = sharing.setdefault(change.model_dump_json(), (change, []))
            if tool.a and tool.a not in names:
                names.append(tool.a)
    groups: dict[tuple[str, ...], list[Change]] = {}
    for change, names in sharing.values():
        groups.setdefault(tuple(names), []).append(change)
    ordered = sorted(groups.items(), key=lambda group: -len(group[0]))
    return [(changes, list(names)) for names, changes in ordered]
