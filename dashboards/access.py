"""Who may see the dashboard, and under which name he acts.

It is bound to loopback, where the user of the machine is the user. Bound elsewhere it wants a
password (AGENTDYNO_DASHBOARD_PASSWORD), as it does on loopback where one is set. Who logs in also
says who he is: that name stands in the audit log beside everything he changes.
"""

import getpass
import os
import time

import streamlit as st

from agentdyno.dashboards.reach import PASSWORD, Lock, check_host, matches
from agentdyno.dashboards.text import visible

_NAME, _LOGGED_IN = "user_name", "logged_in"
_LONGEST_NAME = 60

_guesses = Lock()


def os_user() -> str:
    """Return the name of the user that the process runs as; the number of one without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def actor() -> str:
    """Return the name under which the session's user acts, for the audit log."""
    return str(st.session_state.get(_NAME) or os_user())


def let_in() -> bool:
    """Tell whether this session may see anything; shows the login form where it may not yet."""
    word = os.environ.get(PASSWORD, "")
    # Whoever starts the script by Streamlit's own command is held to the same rule.
    check_host(str(st.get_option("server.address") or "127.0.0.1"), os.environ)
    if not word or st.session_state.get(_LOGGED_IN):
        return True
    st.title("agentdyno")
    with st.form("login", width=420):
        name = st.text_input("Your name, for the audit log", max_chars=_LONGEST_NAME)
        given = st.text_input("Password", type="password")
        sent = st.form_submit_button("Log in")
    if sent and _accepted(name.strip(), given, word):
        st.rerun()
    return False


def edit_name() -> None:
    """Let the session's user say who he is."""
    given = st.text_input(
        "You are", value=actor(), key="user_name_given", max_chars=_LONGEST_NAME,
        help="This name goes into the audit log with everything that you change.",
    ).strip()
    if given:
        st.session_state[_NAME] = visible(given)


def _accepted(name: str, given: str, word: str) -> bool:
    now = time.monotonic()
    if left := _guesses.left_s(now):
        st.error(f"Too many wrong passwords: try again in {left:.0f} s.")
    elif not matches(given, word):
        _guesses.wrong(now)
        st.error("That is not the password.")
    elif not name:
        st.error("Say who you are: what you change is written down under your name.")
    else:
        _guesses.right()
        st.session_state[_NAME], st.session_state[_LOGGED_IN] = visible(name), True
        return True
    return False
