"""Mailbox: an outbox per trial. Nothing leaves the machine; the outbox is the trial's end state."""

from typing import Any

from agentdyno.tools.servers.base import State, Tool, ToolError, ToolProcess

_TEXT = {"type": "string"}


def send_mail(state: State, arguments: dict[str, Any]) -> dict[str, Any]:
    """Put one mail into the outbox."""
    if "@" not in arguments["to"]:
        raise ToolError(f"send_mail: {arguments['to']!r} is not a mail address: it has no '@'.")
    mail = {"id": len(state["outbox"]) + 1} | {k: arguments[k] for k in ("to", "subject", "body")}
    state["outbox"].append(mail)
    return {"id": mail["id"], "status": "sent", "to": mail["to"]}


def list_outbox(state: State, _: dict[str, Any]) -> dict[str, Any]:
    """Return every mail that was sent in this trial, oldest first."""
    return {"messages": state["outbox"]}


TOOLS = (
    Tool(
        name="send_mail", run=send_mail, read_only=False,
        description="Send a plain-text mail to one address.",
        parameters={"to": _TEXT | {"description": "Mail address of the recipient."},
                    "subject": _TEXT, "body": _TEXT},
    ),
    Tool(name="list_outbox", run=list_outbox, description="List the mails sent so far."),
)

if __name__ == "__main__":
    ToolProcess("mailbox", TOOLS, lambda: {"outbox": []}).serve()
