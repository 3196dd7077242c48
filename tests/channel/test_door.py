"""Who may write: tokens, origins, limits, closed doors, and what the page's server tells of itself."""

from __future__ import annotations

import asyncio
import socket
import stat
import time
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
import yaml
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from bot.channel.limits import Limits, ProcessCounts
from bot.channel.page import PageChannel
from bot.channel.tokens import Tokens, new_conversation, signing_key
from bot.settings import Settings, SettingsError
from bot.stores.session_stores import MemorySessions
from bot.stores.sessions import Session, SessionError
from tests.channel.conftest import Customer, PageBot

ROUTES = [("POST", "messages"), ("GET", "history"), ("DELETE", "session")]


class _LongAgo(TimestampSigner):
    """Signs as if it were 1 January 2020."""

    def get_timestamp(self) -> int:
        return 1577836800


class _Soon(TimestampSigner):
    """Signs an hour ahead."""

    def get_timestamp(self) -> int:
        return super().get_timestamp() + 3600


def refused(customer: Customer, token: str) -> list[int]:
    """Returns how every route that needs a token answers to this one."""
    body = {"id": str(uuid.uuid4()), "text": "hello"}
    return [
        customer.request(method, f"/webhooks/page/{path}", token, json=body if method == "POST" else None).status_code
        for method, path in ROUTES
    ]


def with_key(page_bot: PageBot, conversation: Any, **serializer: Any) -> str:
    """Returns a token signed with the server's own key."""
    key = (page_bot.secrets / "page-key").read_text().strip()
    return str(URLSafeTimedSerializer(key, salt="bot.channel.session", **serializer).dumps(conversation))


def test_a_missing_token_is_refused(page_bot: PageBot) -> None:
    for method, path in ROUTES:
        for headers in ({}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}):
            answer = page_bot.request(method, f"/webhooks/page/{path}", headers=headers)
            assert answer.status_code == 401
            assert answer.json()["error"] == "token"
            assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_forged_token_is_refused(page_bot: PageBot) -> None:
    customer = page_bot.customer()
    content, time, signature = customer.token.split(".")
    forged = [
        Tokens("another key, which is just as long", 600).issue(customer.conversation),
        f"{content}.{time}.{signature[:-2]}AA",
        f"{content}.{time}.",
        f"{content}.{time}",
        f"{content}.zzzzzz.{signature}",
        f"{content[:-4]}AAAA.{time}.{signature}",
        customer.token + "x",
        customer.conversation,
        "." * 40,
        "é" * 40,
        "A" * 5000,
        "null",
    ]
    for token in forged:
        assert refused(customer, token.encode().decode("latin1")) == [401, 401, 401], token
    assert customer.say("hello").parts


def test_a_swapped_token_is_refused(page_bot: PageBot) -> None:
    mine, yours = page_bot.customer(), page_bot.customer()
    swapped = ".".join([yours.token.split(".")[0], *mine.token.split(".")[1:]])
    assert refused(mine, swapped) == [401, 401, 401]
    assert yours.history() == []


def test_an_expired_token_is_refused(page_bot: PageBot) -> None:
    customer = page_bot.customer()
    assert refused(customer, with_key(page_bot, customer.conversation, signer=_LongAgo)) == [401, 401, 401]
    assert customer.say("hello").parts


def test_a_token_of_a_server_whose_clock_is_ahead_is_taken(page_bot: PageBot) -> None:
    customer = page_bot.customer()
    assert customer.history() == []
    customer.begun["token"] = with_key(page_bot, customer.conversation, signer=_Soon)
    assert customer.say("hello").parts


@pytest.mark.parametrize("conversation", ["page-of-my-own-choice", "default", "", None, 7, ["page"], {"a": 1}])
def test_a_well_signed_token_opens_no_conversation_that_the_server_has_not_begun(
    page_bot: PageBot, conversation: Any
) -> None:
    assert refused(page_bot.customer(), with_key(page_bot, conversation)) == [401, 401, 401]


def test_a_client_cannot_name_its_conversation(page_bot: PageBot) -> None:
    body = {"sender": "mine", "sender_id": "mine", "conversation": "mine", "language": "en"}
    customer = Customer(page_bot)
    customer.begun = customer.request("POST", "/webhooks/page/session", json=body).json()
    assert customer.conversation.startswith("page-")
    assert len(customer.conversation) >= 37
    assert customer.post(text="hello", sender="mine", sender_id="mine").status_code == 200
    assert page_bot.events(customer)


def test_the_conversations_of_a_thousand_sessions_differ() -> None:
    assert len({new_conversation() for _ in range(1000)}) == 1000


def test_scripts_of_other_sites_are_refused(page_bot: PageBot) -> None:
    customer = page_bot.customer()
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", f"{page_bot.origin}.evil.example", "http://["):
        headers = {"Origin": origin}
        assert page_bot.request("POST", "/webhooks/page/session", json={}, headers=headers).status_code == 403
        assert customer.request("DELETE", "/webhooks/page/session", headers=headers).status_code == 403
    assert customer.request("GET", "/webhooks/page/history", headers={"Origin": page_bot.origin}).status_code == 200


@pytest.mark.parametrize(
    ("parent", "status"),
    [
        ("https://shop.example.com", 201),
        ("", 201),
        ("https://evil.example", 403),
        ("https://shop.example.com.evil", 403),
    ],
)
def test_only_allowed_sites_may_embed_the_chat(page_bot: PageBot, parent: str, status: int) -> None:
    begun = page_bot.request("POST", "/webhooks/page/session", json={"parent_origin": parent})
    assert begun.status_code == status
    own = page_bot.request("POST", "/webhooks/page/session", json={"parent_origin": page_bot.origin})
    assert own.status_code == 201


def test_a_form_of_another_site_cannot_write(page_bot: PageBot) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = page_bot.request("POST", "/webhooks/page/session", data="{}", headers={"Content-Type": kind})
        assert answer.status_code == 415
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_conversation_that_writes_too_fast_waits(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="sv")
    answers = [customer.post(text="hej") for _ in range(61)]  # windows of a minute: two of them at the most
    refusals = [answer for answer in answers if answer.status_code == 429]
    assert refusals
    assert {answer.status_code for answer in answers} == {200, 429}
    wait = refusals[0].headers["Retry-After"]
    assert 1 <= int(wait) <= 60
    assert f"{wait} sekunder" in refusals[0].json()["message"]
    other = page_bot.customer()
    assert other.post(text="hello").status_code == 200


def test_an_address_that_asks_too_much_waits(page_bot: PageBot) -> None:
    address, session = page_bot.new_address(), requests.Session()
    url, headers = f"{page_bot.origin}/webhooks/page/history", {"X-Forwarded-For": address}
    statuses = [session.get(url, headers=headers).status_code for _ in range(601)]
    assert set(statuses) == {401, 429}
    assert page_bot.request("GET", "/webhooks/page/history").status_code == 401


def test_an_address_cannot_begin_conversations_without_end(page_bot: PageBot) -> None:
    address, session = page_bot.new_address(), requests.Session()
    url, headers = f"{page_bot.origin}/webhooks/page/session", {"X-Forwarded-For": address}
    statuses = [session.post(url, json={}, headers=headers).status_code for _ in range(241)]
    assert set(statuses) == {201, 429}


def test_where_all_conversations_are_used_a_new_one_waits_and_one_that_rests_makes_room() -> None:
    store = MemorySessions(2)
    now = 4102444800.0

    def session(name: str, seen: float) -> Session:
        return Session(name, "en", "en", None, expires=now, seen=seen)

    for name, seen in (("resting", 0.0), ("new", now), ("newer", now)):
        asyncio.run(store.add(session(name, seen)))
    assert asyncio.run(store.get("resting")) is None
    with pytest.raises(SessionError) as refusal:
        asyncio.run(store.add(session("newest", now)))
    assert (refusal.value.status, refusal.value.code) == (429, "busy")
    assert asyncio.run(store.get("new")) is not None


def test_an_expired_conversation_is_forgotten() -> None:
    store = MemorySessions(2)
    asyncio.run(store.add(Session("old", "en", "en", None, expires=1.0, seen=0.0)))
    assert asyncio.run(store.get("old")) is None


@pytest.mark.parametrize("setting", ["limit_messages_per_conversation", "limits_storage"])
def test_a_limit_that_cannot_be_read_is_named(setting: str) -> None:
    with pytest.raises(SettingsError, match=f"BOT_{setting.upper()}: `many`"):
        Limits(Settings(**{setting: "many"}))


def test_where_the_storage_of_the_limits_is_gone_each_process_counts_by_itself() -> None:
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        address = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        limits = Limits(Settings(limits_storage=address, limit_requests_per_address="1 per minute"))
        asyncio.run(limits.request("10.0.0.1"))
        with pytest.raises(SessionError) as refusal:
            asyncio.run(limits.request("10.0.0.1"))
        assert refusal.value.status == 429
        asyncio.run(limits.request("10.0.0.2"))


def test_a_wrong_setting_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from rasa.shared.exceptions import RasaException

    from bot.settings import get_settings

    monkeypatch.setenv("BOT_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("BOT_LIMIT_SESSIONS_PER_ADDRESS", "some")
    get_settings.cache_clear()
    try:
        with pytest.raises(RasaException, match="BOT_LIMIT_SESSIONS_PER_ADDRESS"):
            PageChannel.from_credentials(None)
    finally:
        get_settings.cache_clear()


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    settings = Settings(secrets_dir=tmp_path / "secrets")
    key = signing_key(settings)
    assert len(key) >= 43
    assert signing_key(settings) == key
    file = tmp_path / "secrets" / "page-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (file.parent / ".gitignore").read_text() == "*\n"
    assert sorted(path.name for path in file.parent.iterdir()) == [".gitignore", "page-key"]
    file.chmod(0o644)
    assert signing_key(settings) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_of_the_settings_is_used_and_no_file_made(tmp_path: Path) -> None:
    settings = Settings(secrets_dir=tmp_path / "secrets", secret_key="k" * 32)
    assert signing_key(settings) == "k" * 32
    assert not settings.secrets_dir.exists()
    assert "kkk" not in repr(settings)


def test_a_key_file_that_cannot_be_used_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "page-key").write_text("short")
    with pytest.raises(SettingsError, match="delete it"):
        signing_key(Settings(secrets_dir=tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="BOT_SECRET_KEY"):
        signing_key(Settings(secrets_dir=tmp_path / "file"))


def test_rasas_http_api_is_closed(page_bot: PageBot) -> None:
    customer = page_bot.customer()
    customer.say("hello")
    for method, path in [
        ("GET", f"/conversations/{customer.conversation}/tracker"),
        ("POST", f"/conversations/{customer.conversation}/trigger_intent"),
        ("POST", "/model/parse"),
        ("GET", "/status"),
        ("GET", "/domain"),
    ]:
        assert page_bot.request(method, path).status_code == 404


def test_the_plain_rest_channel_is_for_development_only(root: Path) -> None:
    page, chatwoot = "bot.channel.page.PageChannel", "bot.channel.chatwoot.ChatwootChannel"
    usual = [page, chatwoot, "bot.serving.operations.OperationsChannel"]  # the latter takes no messages
    assert list(yaml.safe_load((root / "credentials.yml").read_text())) == usual
    assert list(yaml.safe_load((root / "credentials-rest.yml").read_text())) == [*usual, "rest"]


def test_the_servers_listen_on_loopback_only(page_bot: PageBot) -> None:
    started = psutil.Process(page_bot.process_id)
    listening = {
        connection.laddr.ip
        for process in [started, *started.children(recursive=True)]
        for connection in process.connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_counts_of_a_conversation_last_no_longer_than_its_token() -> None:
    counts, begun = ProcessCounts(longest=300), time.time()
    assert [counts.incr("a conversation", 86400) for _ in range(3)] == [1, 2, 3]
    assert counts.get_expiry("a conversation") <= begun + 301


def test_expired_counts_are_looked_for_once_in_a_while() -> None:
    counts = ProcessCounts()
    counts.timer.join()
    counts.storage["long ago"], counts.expirations["long ago"] = 1, 0.0
    counts.incr("now", 60)
    counts.timer.join()
    assert "long ago" not in counts.storage
    look = counts.timer
    for number in range(100):
        counts.incr(f"caller {number}", 60)
    assert counts.timer is look
