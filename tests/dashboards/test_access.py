"""Who may reach the dashboard, and under which name."""

import os
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agentdyno.core.errors import UsageError
from agentdyno.core.settings import Settings
from agentdyno.dashboards import access
from agentdyno.dashboards.reach import PASSWORD, Lock, check_host, is_loopback, matches
from agentdyno.dashboards.server import SCRIPT, command
from agentdyno.experiments.companion import Companion
from agentdyno.tests.dashboards.stored import Page

WORD = "correct horse battery"
HERE = Companion(python=Path("python"), link=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_needs_no_password(host: str) -> None:
    assert is_loopback(host)
    check_host(host, {})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.evil"])
def test_everywhere_else_a_password_is_wanted(host: str) -> None:
    with pytest.raises(UsageError, match="no password") as caught:
        check_host(host, {})
    assert PASSWORD in caught.value.hint
    check_host(host, {PASSWORD: WORD})


def test_a_short_password_is_refused_wherever_it_listens() -> None:
    for host in ("0.0.0.0", "127.0.0.1"):
        with pytest.raises(UsageError, match="shorter than 8"):
            check_host(host, {PASSWORD: "short"})


def test_the_server_is_not_even_planned_without_a_password() -> None:
    with pytest.raises(UsageError, match="no password"):
        command(HERE, Settings(cache=Path("c")), "0.0.0.0", 8501)


def test_the_server_reports_nothing_watches_nothing_and_shows_no_password() -> None:
    environ = {PASSWORD: WORD, "AGENTDYNO_DATABASE_URL": "postgresql://u:secret@h/d",
               "OPENAI_API_KEY": "sk-secret", "PATH": os.environ["PATH"]}
    settings = Settings(cache=Path("c"), environment=environ)
    argv, given = command(HERE, settings, "0.0.0.0", 8502)
    assert argv[:6] == ["python", "-P", "-m", "streamlit", "run", str(SCRIPT)]
    assert SCRIPT.is_file()
    assert {"--server.address=0.0.0.0", "--server.port=8502", "--server.headless=true",
            "--browser.gatherUsageStats=false", "--server.fileWatcherType=none",
            "--server.enableXsrfProtection=true", "--client.toolbarMode=minimal",
            "--client.showErrorDetails=type"} <= set(argv)
    assert not any(word in " ".join(argv) for word in (WORD, "secret"))
    assert given[PASSWORD] == WORD
    assert "OPENAI_API_KEY" not in given


def test_on_loopback_no_other_name_leads_to_the_server() -> None:
    argv, _ = command(HERE, Settings(cache=Path("c")), "127.0.0.1", 8501)
    assert [flag for flag in argv if "allowedHosts" in flag] == [
        "--server.allowedHosts=localhost", "--server.allowedHosts=127.0.0.1",
        "--server.allowedHosts=::1",
    ]


def test_passwords_are_compared_whole() -> None:
    assert matches("Grüße an alle", "Grüße an alle")
    assert not matches("", WORD)
    assert not matches(WORD[:-1], WORD)


def test_who_guesses_has_to_wait_longer_each_time() -> None:
    lock = Lock()
    for _ in range(4):
        lock.wrong(0.0)
    assert lock.left_s(0.0) == 0.0
    waits = []
    for _ in range(8):
        lock.wrong(0.0)
        waits.append(lock.left_s(0.0))
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    lock.right()
    lock.wrong(100.0)
    assert lock.left_s(100.0) == 0.0


def test_with_a_password_nothing_is_shown_before_it_was_given(
    stored: str, open_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _locked(stored, open_page, monkeypatch)
    assert [title.value for title in page.title] == ["agentdyno"]
    assert not page.dataframe
    _log_in(page, "Ada", "wrong")
    assert page.error[0].value == "That is not the password."
    assert not page.dataframe
    _log_in(page, " ", WORD)
    assert "Say who you are" in page.error[0].value
    _log_in(page, "Ada", WORD)
    assert [title.value for title in page.title] == ["Overview"]
    assert page.dataframe
    assert page.text_input(key="user_name_given").value == "Ada"


def test_after_five_wrong_passwords_even_the_right_one_has_to_wait(
    stored: str, open_page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = _locked(stored, open_page, monkeypatch)
    for _ in range(7):
        access._guesses.wrong(access.time.monotonic())
    _log_in(page, "Ada", WORD)
    assert page.error[0].value.startswith("Too many wrong passwords")
    assert not page.dataframe


def test_on_loopback_the_user_of_the_machine_acts_until_he_says_otherwise(
    stored: str, open_page: Page
) -> None:
    page = open_page("overview", stored)
    given = page.text_input(key="user_name_given")
    assert given.value == access.os_user()
    given.set_value("Grace\u202e").run()
    assert page.session_state["user_name"] == "Grace\ufffd"


def _locked(stored: str, open_page: Page, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(access, "_guesses", Lock())
    # The fixture takes a password away before this one is set.
    monkeypatch.setenv(PASSWORD, WORD)
    return open_page("overview", stored)


def _log_in(page: AppTest, name: str, word: str) -> None:
    page.text_input[0].set_value(name)
    page.text_input[1].set_value(word)
    page.button[0].click().run()
