"""The part of a page that shows who changed what."""

import json

import streamlit as st

from agentdyno.dashboards import frame
from agentdyno.dashboards.bridge import ask
from agentdyno.dashboards.text import shorten
from agentdyno.dashboards.times import utc
from agentdyno.store.audit import AuditLog

_LINES = 200


def section(noun: str) -> None:
    """Show the audit log of a page.

    Args:
        noun: what its actions begin with: `approval` for `approval.approve`.
    """
    with st.expander("Audit log: who changed what"):
        everything = st.checkbox("Also what was changed elsewhere", key="audit_everything")
        rows = ask(lambda pool: AuditLog(pool).list(
            noun=None if everything else noun, limit=_LINES
        ))
        if not rows:
            st.text("Nobody has changed anything yet.")
            return
        frame.table([
            {
                "at (UTC)": utc(row.at), "who": row.who, "action": row.action,
                "target": shorten(row.target),
                "detail": shorten(json.dumps(row.detail, ensure_ascii=False), 400),
            }
            for row in rows
        ], key=f"audit-{noun}", plain=True)
