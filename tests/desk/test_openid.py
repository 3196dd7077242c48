"""Signing in with OpenID Connect at a real provider, npm's oidc-provider, and what the desk refuses."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import psutil  # type: ignore[import-untyped]
import pytest
import requests
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from sqlalchemy import select

from bot.desk.accounts import AccountError
from bot.settings import Settings
from bot.tickets.tables import DESK_AGENTS, DESK_SESSIONS
from tests.conftest import ROOT, or_skip, wait_for_line
from tests.desk.conftest import Browser, RunningDesk, serving
from tests.support.chromium import chromium
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.support.servers import free_port, wait_until

BEGIN, CALLBACK = "/sign-in/openid", "/sign-in/openid/callback"
NOT_FINISHED, NO_ROLE, DOWN = "was not completed", "has no role at this desk", "cannot be used at the moment"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenIdProvider]:
    """The provider, started; tests may restart it."""
    provider: OpenIdProvider = or_skip(lambda: OpenIdProvider(tmp_path_factory.mktemp("openid"), CALLBACK))
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def provider(installed: OpenIdProvider) -> OpenIdProvider:
    """The provider, with an agent, Kari, and without faults."""
    installed.fault()
    installed.person("kari", name="Kari Nordmann", groups=["agent"])
    return installed


@pytest.fixture
def served(provider: OpenIdProvider, tmp_path: Path) -> Iterator[RunningDesk]:
    """A desk that the provider signs in to."""
    with desk_with(provider.issuer, tmp_path) as running:
        yield running


@contextmanager
def desk_with(issuer: str, folder: Path, origin: str = "", **settings: Any) -> Iterator[RunningDesk]:
    """Serves a desk with OpenID Connect; `settings` replace those that name the provider."""
    ours = {"issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
    named = {f"desk_openid_{name}": value for name, value in ours.items()}
    with serving(f"sqlite:///{folder / 'tickets.db'}", folder, origin=origin, **named) as running:
        yield running


def returned(provider: OpenIdProvider, browser: Browser, subject: str = "kari") -> str:
    """Signs somebody in at the provider; returns the address that it sends the browser back to."""
    sent = browser.get(BEGIN)
    assert sent.status_code == 303, sent.text
    return provider.sign_in(browser.http, sent.headers["Location"], subject)


def load(browser: Browser, address: str) -> requests.Response:
    """Loads an address as it is; redirects are not followed."""
    return browser.http.get(address, allow_redirects=False, timeout=30)


def signed_in(provider: OpenIdProvider, running: RunningDesk, subject: str = "kari") -> Browser:
    """Returns the browser of somebody who has signed in."""
    browser = running.browser()
    answer = load(browser, returned(provider, browser, subject))
    assert answer.status_code == 200, answer.text
    assert browser.get("/").status_code == 200
    return browser


def changed(address: str, **parameters: str | None) -> str:
    """Returns an address with other parameters; None leaves one out."""
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value})))


@pytest.mark.parametrize(
    ("role", "allowed"), [("agent", ["/"]), ("reviewer", ["/", "/quality"]), ("admin", ["/", "/quality", "/audit"])]
)
def test_somebody_signs_in_with_each_role(
    provider: OpenIdProvider, served: RunningDesk, role: str, allowed: list[str]
) -> None:
    provider.person("kari", name="Kari Nordmann", groups=["some others", role])
    browser = signed_in(provider, served)
    answers = {path: browser.get(path).status_code for path in ("/", "/quality", "/audit")}
    assert answers == {path: 200 if path in allowed else 403 for path in answers}
    assert "Kari Nordmann" in browser.get("/").text
    assert served.audit()[0] == ("Kari Nordmann", "sign in", "OpenID Connect: subject kari")
    assert served.desk.tickets.rows(select(DESK_SESSIONS))[0].key != browser.http.cookies["desk_session"]


def test_the_provider_is_asked_for_a_code_with_pkce_state_and_nonce(served: RunningDesk) -> None:
    asked = [parse_qs(urlsplit(served.browser().get(BEGIN).headers["Location"]).query) for _ in range(2)]
    first = {name: values[0] for name, values in asked[0].items()}
    assert (first["response_type"], first["scope"], first["code_challenge_method"]) == (
        "code",
        "openid profile",
        "S256",
    )
    assert first["redirect_uri"] == served.address + CALLBACK
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert asked[0][name] != asked[1][name]


def test_behind_tls_the_provider_sends_back_with_tls(provider: OpenIdProvider, tmp_path: Path) -> None:
    with desk_with(provider.issuer, tmp_path, origin="https://desk.example.com") as running:
        browser = running.browser()
        browser.http.headers["Host"] = "desk.example.com"
        answer = browser.get(BEGIN)
    asked = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert asked["redirect_uri"] == [f"https://desk.example.com{CALLBACK}"]
    assert all(line.endswith("; Secure") for line in answer.headers["Set-Cookie"].split(", "))


def test_the_cookie_of_a_sign_in_comes_back_with_the_provider_and_the_sessions_only_from_the_desk(
    provider: OpenIdProvider, served: RunningDesk
) -> None:
    browser = served.browser()
    cookies = browser.get(BEGIN).headers["Set-Cookie"]
    assert any("desk_openid=" in line and "SameSite=Lax; Max-Age=600" in line for line in cookies.split(", "))
    answer = load(browser, returned(provider, browser))
    lines = {line.split("=")[0]: line for line in answer.headers["Set-Cookie"].split(", ")}
    assert "HttpOnly; SameSite=Strict; Max-Age=28800" in lines["desk_session"]
    assert "Max-Age=0" in lines["desk_openid"]


def test_the_highest_of_several_roles_counts_by_the_settings_claim_and_values(
    provider: OpenIdProvider, tmp_path: Path
) -> None:
    provider.person("kari", name="Kari", groups=["admin"], roles=["Support Oslo", "Quality", "no string matches", 7])
    roles = '{"Support Oslo": "agent", "Quality": "reviewer", "Heads": "admin"}'
    with desk_with(provider.issuer, tmp_path, claim="roles", roles=roles) as running:
        signed_in(provider, running)
        assert [agent.role for agent in running.desk.accounts.agents()] == ["reviewer"]
        provider.person("kari", name="Kari", roles="Heads")
        signed_in(provider, running)
        assert [agent.role for agent in running.desk.accounts.agents()] == ["admin"]


@pytest.mark.parametrize("claims", [{}, {"groups": []}, {"groups": ["Agent"]}, {"groups": "agents"}])
def test_who_has_no_known_role_is_refused(
    provider: OpenIdProvider, served: RunningDesk, claims: dict[str, Any]
) -> None:
    provider.person("ola", name="Ola", **claims)
    browser = served.browser()
    answer = load(browser, returned(provider, browser, "ola"))
    assert (answer.status_code, NO_ROLE in answer.text) == (403, True)
    assert browser.get("/").status_code == 303
    assert served.desk.accounts.agents() == []
    assert served.audit() == [("Ola", "failed to sign in", "OpenID Connect: no role, subject ola")]


def test_who_has_lost_the_role_is_signed_out_everywhere_at_the_next_sign_in(
    provider: OpenIdProvider, served: RunningDesk
) -> None:
    first = signed_in(provider, served)
    provider.person("kari", name="Kari Nordmann")
    second = served.browser()
    assert load(second, returned(provider, second)).status_code == 403
    assert first.get("/").status_code == 303


@pytest.mark.parametrize(
    "change",
    [
        {"state": "0" * 64},
        {"state": None},
        {"code": None},
        {"code": "another"},
        {"code": None, "error": "access_denied"},
        {"iss": "https://login.example.org"},
    ],
    ids=str,
)
def test_a_changed_answer_is_refused(
    provider: OpenIdProvider, served: RunningDesk, change: dict[str, str | None]
) -> None:
    browser = served.browser()
    address = returned(provider, browser)
    refuse(browser, changed(address, **change))
    assert [line[:2] for line in served.audit()] == [("", "failed to sign in")]
    refuse(browser, address)  # nor is the right one taken after it: each sign-in has one attempt


def refuse(browser: Browser, address: str) -> None:
    """Loads the callback's address, which must be refused."""
    answer = load(browser, address)
    assert (answer.status_code, NOT_FINISHED in answer.text) == (403, True)
    assert browser.get("/").status_code == 303


def test_another_browser_cannot_end_what_one_has_begun(provider: OpenIdProvider, served: RunningDesk) -> None:
    attacker, victim = served.browser(), served.browser()
    address = returned(provider, attacker)
    refuse(victim, address)
    victim.get(BEGIN)  # a sign-in of its own under way does not help
    refuse(victim, address)


def test_a_code_is_good_once(provider: OpenIdProvider, served: RunningDesk) -> None:
    browser = served.browser()
    address = returned(provider, browser)
    cookie = browser.http.cookies["desk_openid"]
    assert load(browser, address).status_code == 200
    thief = served.browser()
    thief.http.cookies.set("desk_openid", cookie, domain="127.0.0.1")
    refuse(thief, address)
    assert served.audit()[-1][2] == "OpenID Connect: the code is used up, too old or of somebody else"


@pytest.mark.parametrize(
    "fault",
    [
        {"claims": {"nonce": "0" * 64}},
        {"claims": {"nonce": None}},
        {"claims": {"aud": "another-client"}},
        {"claims": {"aud": "another-client", "azp": CLIENT_ID}},
        {"claims": {"aud": [CLIENT_ID, "another-client"]}},
        {"claims": {"iss": "https://login.example.org"}},
        {"claims": {"exp": 1_700_000_000}},
        {"claims": {"sub": ""}},
        {"claims": {}, "foreign_key": True},
        {"claims": {}, "algorithm": "HS256"},
        {"claims": {}, "unsigned": True},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    provider: OpenIdProvider, served: RunningDesk, fault: dict[str, Any]
) -> None:
    browser = served.browser()
    provider.fault(**fault)
    refuse(browser, returned(provider, browser))
    assert served.desk.accounts.agents() == []
    provider.fault(claims={})  # signed anew as the others are, with nothing else wrong
    signed_in(provider, served)


def test_claims_that_the_id_token_lacks_are_asked_for(provider: OpenIdProvider, served: RunningDesk) -> None:
    provider.stop()
    provider.start(thin_id_tokens=True)
    try:
        assert "Kari Nordmann" in signed_in(provider, served).get("/").text
        browser = served.browser()
        provider.fault(claims={"sub": "somebody else"})
        refuse(browser, returned(provider, browser))
    finally:
        provider.stop()
        provider.start()


def test_cookies_planted_before_the_sign_in_are_worth_nothing_after_it(
    provider: OpenIdProvider, served: RunningDesk
) -> None:
    browser = served.browser()
    for name in ("desk_session", "desk_visit", "desk_openid"):
        browser.http.cookies.set(name, "planted", domain="127.0.0.1")
    assert load(browser, returned(provider, browser)).status_code == 200
    assert browser.get("/").status_code == 200
    assert "planted" not in {cookie.value for cookie in browser.http.cookies}
    again = signed_in(provider, served)
    assert again.http.cookies["desk_session"] != browser.http.cookies["desk_session"]


def test_signing_out_ends_the_session(provider: OpenIdProvider, served: RunningDesk) -> None:
    browser = signed_in(provider, served)
    cookie = browser.http.cookies["desk_session"]
    assert browser.get(BEGIN).headers["Location"] == "/"  # who is in is not sent away
    assert browser.post("/sign-out").status_code == 303
    browser.http.cookies.set("desk_session", cookie, domain="127.0.0.1")
    assert browser.get("/").status_code == 303
    assert served.audit()[-1] == ("Kari Nordmann", "sign out", "")


def test_a_callback_at_another_host_is_refused(provider: OpenIdProvider, served: RunningDesk) -> None:
    browser = served.browser()
    address = returned(provider, browser)
    answer = browser.http.get(address, headers={"Host": "evil.example"}, allow_redirects=False, timeout=30)
    assert (answer.status_code, "desk_session" in browser.http.cookies) == (421, False)
    assert browser.http.post(address, headers={"Origin": "https://evil.example"}, timeout=30).status_code == 403
    assert load(browser, address).status_code == 200


def test_people_are_told_apart_by_subject_and_never_get_an_account_by_its_name(
    provider: OpenIdProvider, served: RunningDesk
) -> None:
    with_password = served.agent("Kari Nordmann", "admin")
    provider.person("second", name="KARI  Nordmann", groups=["agent"])
    browsers = [signed_in(provider, served, subject) for subject in ("kari", "second", "kari")]
    agents = {agent.name: agent.role for agent in served.desk.accounts.agents()}
    assert agents == {"Kari Nordmann": "admin", "Kari Nordmann (2)": "agent", "KARI Nordmann (3)": "agent"}
    assert [browser.get("/audit").status_code for browser in (with_password, *browsers)] == [200, 403, 403, 403]
    assert len({line[0] for line in served.audit() if line[2].startswith("OpenID Connect: subject kari")}) == 1


def test_a_name_stays_when_it_changes_at_the_provider(provider: OpenIdProvider, served: RunningDesk) -> None:
    signed_in(provider, served)
    provider.person("kari", name="Ola", groups=["agent"])
    signed_in(provider, served)
    assert [agent.name for agent in served.desk.accounts.agents()] == ["Kari Nordmann"]


@pytest.mark.parametrize("name", [None, " ", "a\u202eb", "x" * 81])
def test_who_has_no_name_that_can_be_shown_is_refused(
    provider: OpenIdProvider, served: RunningDesk, name: str | None
) -> None:
    provider.person("ola", name=name, groups=["agent"])
    browser = served.browser()
    answer = load(browser, returned(provider, browser, "ola"))
    assert (answer.status_code, "has no name" in answer.text) == (403, True)
    assert served.audit() == [("", "failed to sign in", "OpenID Connect: no name, subject ola")]


def test_an_account_of_the_provider_has_no_password(provider: OpenIdProvider, served: RunningDesk) -> None:
    signed_in(provider, served)
    assert served.desk.tickets.rows(select(DESK_AGENTS))[0].password_hash == ""
    for password in ("", "x"):
        assert served.browser().sign_in("Kari Nordmann", password).status_code == 403
    with pytest.raises(AccountError, match="already"):
        served.desk.accounts.add("Kari Nordmann", "admin")


@pytest.mark.parametrize(("locale", "language"), [("nb-NO", "nb"), ("de", "de"), ("xx", "en"), (None, "en")])
def test_the_language_is_that_of_the_locale_where_the_desk_has_it(
    provider: OpenIdProvider, served: RunningDesk, locale: str | None, language: str
) -> None:
    provider.person("kari", name="Kari", groups=["agent"], locale=locale)
    signed_in(provider, served)
    assert [agent.language for agent in served.desk.accounts.agents()] == [language]


def test_without_the_provider_the_page_and_the_log_say_so_and_passwords_work(
    provider: OpenIdProvider, served: RunningDesk, caplog: pytest.LogCaptureFixture
) -> None:
    browser = served.browser()
    address = returned(provider, browser)
    provider.stop()
    try:
        for answer in (served.browser().get(BEGIN), load(browser, address)):
            assert (answer.status_code, DOWN in answer.text) == (503, True)
        assert len(caplog.messages) == 2
        assert all(provider.issuer in line for line in caplog.messages)
        assert all("BOT_DESK_OPENID_ISSUER" in line for line in caplog.messages)
        assert served.agent("Ola").get("/").status_code == 200
    finally:
        provider.start()
    signed_in(provider, served)


def test_a_provider_that_never_answers_takes_no_more_than_its_share_of_the_desk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent, ThreadPoolExecutor(60) as pool:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with desk_with(issuer, tmp_path) as running:
            waiting = [pool.submit(running.browser().get, BEGIN) for _ in range(60)]
            wait_until(lambda: "8 sign-ins wait for its answer" in caplog.text, "a sign-in to be one too many")
            assert running.agent("Ola").get("/").status_code == 200
            silent.close()
            assert {each.result().status_code for each in waiting} == {503}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"issuer": "login.example.org"}, "BOT_DESK_OPENID_ISSUER is 'login.example.org'; it must be an https address"),
        ({"issuer": "http://login.example.org"}, "must be an https address"),
        ({"client_id": ""}, "needs BOT_DESK_OPENID_CLIENT_ID"),
        ({"client_secret": None}, "BOT_DESK_OPENID_CLIENT_SECRET"),
        ({"roles": "agents"}, "BOT_DESK_OPENID_ROLES is 'agents'; it must be a JSON object"),
        ({"roles": '{"Support": "boss"}'}, "with the roles agent, reviewer, admin"),
    ],
)
def test_wrong_settings_are_said_at_the_start_and_on_the_page_and_passwords_work(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, Any], said: str
) -> None:
    with desk_with(**{"issuer": "https://login.example.org", "folder": tmp_path, **settings}) as running:
        assert len(caplog.messages) == 1
        assert said in caplog.messages[0]
        answer = running.browser().get(BEGIN)
        assert (answer.status_code, DOWN in answer.text) == (503, True)
        assert caplog.messages[0] == caplog.messages[1]
        assert running.agent("Ola").get("/").status_code == 200


def test_a_wrong_client_secret_is_said_in_the_log(
    provider: OpenIdProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with desk_with(provider.issuer, tmp_path, client_secret="wrong") as running:
        browser = running.browser()
        assert load(browser, returned(provider, browser)).status_code == 503
    assert "BOT_DESK_OPENID_CLIENT_SECRET or the client there" in caplog.text
    assert running.address + CALLBACK in caplog.text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda issuer: f"{issuer}/", "write that into BOT_DESK_OPENID_ISSUER"),
        (lambda issuer: f"{issuer}/elsewhere", "404"),
    ],
)
def test_another_issuer_than_the_providers_is_said_in_the_log(
    provider: OpenIdProvider,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[str], str],
    said: str,
) -> None:
    with desk_with(change(provider.issuer), tmp_path) as running:
        assert running.browser().get(BEGIN).status_code == 503
    assert said in caplog.text
    assert provider.issuer in caplog.text


def test_the_sign_in_page_offers_it_only_where_it_is_on(
    provider: OpenIdProvider, served: RunningDesk, tmp_path: Path
) -> None:
    assert f'href="{BEGIN}"' in served.browser().get("/sign-in").text
    with serving(f"sqlite:///{tmp_path / 'other.db'}", tmp_path) as without:
        assert BEGIN not in without.browser().get("/sign-in").text
        assert [without.browser().get(path).status_code for path in (BEGIN, CALLBACK)] == [404, 404]


def test_authlib_is_loaded_only_where_it_is_on() -> None:
    program = "import sys, bot.desk.app, bot.desk.commands, bot.desk.desk; print('authlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_process_stays_small_with_it(provider: OpenIdProvider, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "desk.log"
    environment = {name: f"sqlite:///{tmp_path / name}.db" for name in ("BOT_TICKETS_DATABASE", "BOT_TRACKER_DATABASE")}
    environment |= {"BOT_DESK_OPENID_ISSUER": provider.issuer, "BOT_DESK_OPENID_CLIENT_ID": CLIENT_ID}
    environment |= {"BOT_DESK_OPENID_CLIENT_SECRET": CLIENT_SECRET, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "bot", "desk", "--port", str(port)]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=stream, stderr=stream)
    try:
        wait_for_line(process, log, "The agents' desk is at")
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.wait()
        assert load(browser, returned(provider, browser)).status_code == 200
        assert browser.get("/").status_code == 200
        assert psutil.Process(process.pid).memory_info().rss < 120 * 2**20
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf8")
    ours = [name for name in Settings.__fields__ if name.startswith("desk_openid_")]
    assert len(ours) == 5
    assert [name for name in ours if f"`BOT_{name.upper()}`" not in text] == []


@pytest.fixture(scope="module")
def started_chromium() -> Iterator[Chromium]:
    """Chromium, one for this file."""
    with chromium() as started:
        yield started


def test_a_browser_comes_back_from_another_site_into_the_inbox(
    started_chromium: Chromium, provider: OpenIdProvider, served: RunningDesk
) -> None:
    page = started_chromium.new_page()
    page.goto(f"{served.address}/sign-in")
    page.get_by_role("link", name="Sign in with your organisation's account").click()
    page.wait_for_url(f"{provider.issuer}/**")
    page.fill("[name=login]", "kari")
    page.fill("[name=password]", "any")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Inbox")
    assert page.url == f"{served.address}/"
    page.close()
