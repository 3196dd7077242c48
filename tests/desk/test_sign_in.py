"""Signing in, and what the desk refuses: strangers, other roles, forged requests, guessing, planted sessions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import select, update

from bot.desk.accounts import ATTEMPTS_OF_ADDRESS, ATTEMPTS_OF_NAME, SESSION_LIFETIME, AccountError
from bot.desk.desk import Desk
from bot.tickets.model import now
from bot.tickets.tables import DESK_AGENTS, DESK_ATTEMPTS, DESK_SESSIONS
from tests.desk.conftest import RunningDesk, serving
from tests.tickets.conftest import a_draft

PAGES = ("/", "/tickets/T-10001-ABCDEF", "/live/conversation-1", "/quality", "/quality.csv", "/audit", "/events")


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_shown_to_somebody_who_has_not_signed_in(running: RunningDesk, path: str) -> None:
    ticket = running.desk.tickets.open(a_draft())
    browser = running.browser()
    answer = browser.get(path.replace("T-10001-ABCDEF", ticket.number))
    assert (answer.status_code, answer.headers["Location"], answer.text) == (303, "/sign-in", "")
    assert requests.get(running.address + path, timeout=30, allow_redirects=False).status_code == 401
    assert browser.post(path, token=browser.token("/sign-in")).status_code == 401


def test_an_agent_signs_in_and_out(running: RunningDesk) -> None:
    agent = running.agent("Kari")
    assert "Kari" in agent.get("/").text
    cookie = agent.http.cookies["desk_session"]
    assert agent.post("/sign-out").status_code == 303
    assert agent.get("/").status_code == 303
    agent.http.cookies.set("desk_session", cookie)  # who has kept the old cookie
    assert agent.get("/").status_code == 303
    assert running.audit() == [("Kari", "sign in", ""), ("Kari", "sign out", "")]


def test_cookies_are_for_the_desk_alone(running: RunningDesk) -> None:
    running.passwords["Kari"] = running.desk.accounts.add("Kari", "agent")
    line = running.browser().sign_in("Kari", running.passwords["Kari"]).headers["Set-Cookie"]
    for wanted in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={8 * 3600}"):
        assert wanted in line


def test_a_session_planted_before_the_sign_in_is_worth_nothing_after_it(running: RunningDesk) -> None:
    browser = running.browser()
    for name in ("desk_session", "desk_visit"):
        browser.http.cookies.set(name, "planted", domain="127.0.0.1")
    running.passwords["Kari"] = running.desk.accounts.add("Kari", "agent")
    assert browser.sign_in("Kari", running.passwords["Kari"]).status_code == 303
    assert "planted" not in {cookie.value for cookie in browser.http.cookies}
    attacker = running.browser()
    for name in ("desk_session", "desk_visit"):
        attacker.http.cookies.set(name, "planted")
    assert attacker.get("/").status_code == 303


def test_a_second_sign_in_is_a_new_session(running: RunningDesk) -> None:
    first, second = running.agent("Kari"), running.agent("Kari")
    assert first.http.cookies["desk_session"] != second.http.cookies["desk_session"]
    assert first.get("/").status_code == second.get("/").status_code == 200


def test_a_wrong_sign_in_of_somebody_who_is_signed_in_is_refused_and_follows_no_events(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    refused = kari.post("/sign-in", token=kari.token(), name="Kari", password="wrong")
    assert refused.status_code in (401, 403)
    assert 'data-events=""' in refused.text
    assert kari.get("/").status_code == 200


def test_the_database_has_neither_passwords_nor_cookies(running: RunningDesk) -> None:
    agent = running.agent("Kari")
    account = running.desk.tickets.rows(select(DESK_AGENTS))[0]
    assert account.password_hash.startswith("$argon2id$")
    assert running.passwords["Kari"] not in account.password_hash
    assert running.desk.tickets.rows(select(DESK_SESSIONS))[0].key != agent.http.cookies["desk_session"]


def test_a_session_ends_after_eight_hours(running: RunningDesk) -> None:
    agent = running.agent("Kari")
    with running.desk.tickets.writing() as connection:
        connection.execute(update(DESK_SESSIONS).values(begun_at=now() - SESSION_LIFETIME - timedelta(seconds=1)))
    assert agent.get("/").status_code == 303


def test_who_is_removed_is_signed_out_at_once(running: RunningDesk) -> None:
    agent = running.agent("Kari")
    running.desk.accounts.remove("Kari")
    assert agent.get("/").status_code == 303
    assert running.browser().sign_in("Kari", running.passwords["Kari"]).status_code == 403


@pytest.mark.parametrize(
    ("role", "allowed"), [("agent", ["/"]), ("reviewer", ["/", "/quality"]), ("admin", ["/", "/quality", "/audit"])]
)
def test_a_role_sees_its_own_pages_only(running: RunningDesk, role: str, allowed: list[str]) -> None:
    agent = running.agent("Kari", role)  # type: ignore[arg-type]
    answers = {path: agent.get(path).status_code for path in ("/", "/quality", "/audit")}
    assert answers == {path: 200 if path in allowed else 403 for path in answers}
    links = agent.get("/").text
    assert [path for path in answers if f'href="{path}"' in links] == allowed


def test_a_form_of_another_site_or_port_changes_nothing(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    agent = running.agent("Kari")
    path = f"/tickets/{ticket.number}"
    for origin in ("https://evil.example", "http://127.0.0.1:5005", "null", ""):
        assert agent.post(path, origin=origin, action="close").status_code == 403
    for token in ("", "0" * 64, running.agent("Ola").token()):
        assert agent.post(path, token=token, action="close").status_code == 403
    assert running.desk.tickets.ticket(ticket.number).state == "new"
    assert agent.post(path, action="close").status_code == 303
    assert running.desk.tickets.ticket(ticket.number).state == "closed"


def test_the_sign_in_form_cannot_be_sent_by_another_site(running: RunningDesk) -> None:
    running.passwords["Kari"] = running.desk.accounts.add("Kari", "agent")
    fields = {"name": "Kari", "password": running.passwords["Kari"]}
    browser = running.browser()
    assert (
        browser.post("/sign-in", origin="https://evil.example", token=browser.token("/sign-in"), **fields).status_code
        == 403
    )
    assert browser.post("/sign-in", token=running.browser().token("/sign-in"), **fields).status_code == 403
    assert browser.get("/").status_code == 303


def test_another_host_name_is_refused(running: RunningDesk) -> None:
    agent = running.agent("Kari")
    answer = agent.http.get(running.address, headers={"Host": "evil.example"}, timeout=30, allow_redirects=False)
    assert answer.status_code == 421


def test_guessing_one_account_locks_it_for_the_right_password_too(running: RunningDesk) -> None:
    password = running.desk.accounts.add("Kari", "agent")
    for _ in range(ATTEMPTS_OF_NAME):
        assert running.browser().sign_in("Kari", "guess").status_code == 403
    refused = running.browser().sign_in("Kari", password)
    assert refused.status_code == 403
    assert refused.text.replace(running.browser().token("/sign-in"), "").count("too many attempts") == 1
    running.agent("Ola")  # who is another one
    _let_attempts_age(running.desk)
    assert running.browser().sign_in("Kari", password).status_code == 303
    assert ("Kari", "failed to sign in", "") in running.audit()


def test_guessing_many_accounts_locks_the_address(desk: Desk) -> None:
    password = desk.accounts.add("Kari", "agent")
    for number in range(ATTEMPTS_OF_ADDRESS):
        assert desk.accounts.sign_in(f"agent {number}", "guess", "192.0.2.1") is None
    assert desk.accounts.sign_in("Kari", password, "192.0.2.1") is None
    assert desk.accounts.sign_in("Kari", password, "192.0.2.2") is not None


def test_the_address_is_what_the_proxy_says_in_a_line_of_its_own_too(tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, proxies=1) as running:
        browser = running.browser()
        body = urlencode({"token": browser.token("/sign-in"), "name": "Kari", "password": "guess"}).encode()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in browser.http.cookies)
        connection = HTTPConnection(running.address.removeprefix("http://"))
        connection.putrequest("POST", "/sign-in")
        headers = {"Origin": running.address, "Cookie": cookies, "Content-Length": str(len(body))}
        lines = [("X-Forwarded-For", "192.0.2.66"), ("X-Forwarded-For", "192.0.2.7")]  # the guesser's own, the proxy's
        for name, value in (*headers.items(), *lines):
            connection.putheader(name, value)
        connection.endheaders(body)
        assert connection.getresponse().status == 403
        connection.close()
        assert [row.address for row in running.desk.accounts.audit()] == ["192.0.2.7"]


def test_right_passwords_are_no_attempts(desk: Desk) -> None:
    password = desk.accounts.add("Kari", "agent")
    for _ in range(ATTEMPTS_OF_ADDRESS + 1):
        assert desk.accounts.sign_in("Kari", password, "192.0.2.1")


def test_what_cannot_be_read_is_refused(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    assert kari.post("/", text="x" * 70_000).status_code == 400
    assert kari.post("/", text="a\0b").status_code == 400
    for path in ("/?search=a%00b", "/tickets/a%00b", "/live/a%00b"):
        assert kari.get(path).status_code == 400


def test_guesses_at_once_are_all_counted(desk: Desk) -> None:
    password = desk.accounts.add("Kari", "agent")
    with ThreadPoolExecutor(20) as pool:
        guesses = list(pool.map(lambda _: desk.accounts.sign_in("Kari", "guess", "192.0.2.1"), range(20)))
    assert set(guesses) == {None}
    assert len(desk.tickets.rows(select(DESK_ATTEMPTS))) == ATTEMPTS_OF_NAME
    assert desk.accounts.sign_in("Kari", password, "192.0.2.1") is None


def test_answers_have_the_security_headers(running: RunningDesk) -> None:
    for path in ("/sign-in", "/static/desk.js", "/nowhere"):
        headers = running.browser().get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")


def test_without_the_database_every_page_says_so_with_the_security_headers(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    with running.without_database():
        for path in ("/", "/events", "/live/conversation-1"):
            answer = kari.get(path)
            assert (answer.status_code, answer.headers["X-Frame-Options"]) == (503, "DENY")
    assert kari.get("/").status_code == 200


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81])
def test_a_name_that_cannot_be_shown_is_refused(desk: Desk, name: str) -> None:
    with pytest.raises(AccountError):
        desk.accounts.add(name, "agent")


def test_an_account_is_made_once(desk: Desk) -> None:
    desk.accounts.add("Kari", "agent")
    with pytest.raises(AccountError, match="already"):
        desk.accounts.add("Kari", "admin")
    with pytest.raises(AccountError, match="no agent"):
        desk.accounts.remove("Ola")


def _let_attempts_age(desk: Desk) -> None:
    with desk.tickets.writing() as connection:
        connection.execute(update(DESK_ATTEMPTS).values(at=now() - timedelta(minutes=16)))
