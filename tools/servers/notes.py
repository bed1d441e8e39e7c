"""Notes: titled texts per trial, which are the trial's end state."""

from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

_TITLE = {"type": "string", "description": "Title of the note; writing it again replaces the text."}


def write_note(state: State, arguments: dict[str, Any]) -> dict[str, Any]:
    """Write or replace one note."""
    title = arguments["title"]
    if not title.strip():
        raise ToolError("write_note: the title is empty.")
    created = title not in state["notes"]
    state["notes"][title] = arguments["text"]
    return {"title": title, "created": created}


def read_note(state: State, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return one note."""
    title = arguments["title"]
    if title not in state["notes"]:
        known = ", ".join(map(repr, state["notes"])) or "none yet"
        raise ToolError(f"read_note: there is no note {title!r}. Notes: {known}.")
    return {"title": title, "text": state["notes"][title]}


def list_notes(state: State, _: dict[str, Any]) -> dict[str, Any]:
    """Return the titles in order of first writing."""
    return {"titles": list(state["notes"])}


TOOLS = (
    Tool(name="write_note", run=write_note, read_only=False, idempotent=True,
         description="Write a note, or replace its text.",
         parameters={"title": _TITLE, "text": {"type": "string"}}),
    Tool(name="read_note", run=read_note, description="Read a note.",
         parameters={"title": {"type": "string"}}),
    Tool(name="list_notes", run=list_notes, description="List the titles of all notes."),
)

if __name__ == "__main__":
    ToolProcess("notes", TOOLS, lambda: {"notes": {}}).serve()
