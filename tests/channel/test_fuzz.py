"""A fuzz run over every endpoint of the channel, by HTTP and by raw bytes: no server error, and the bot stays up."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.channel.conftest import PageBot

PATHS = ["", "session", "messages", "history", "embed.js", "frame", "demo", "assets/", "texts/", "assets/page.js"]
FUZZ = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
texts = st.text(max_size=60) | st.sampled_from(["/restart", "hello", "4111 1111 1111 1111", "", "\ud800", "\x00"])
bodies = st.fixed_dictionaries(
    {},
    optional={
        "id": st.uuids().map(str) | anything,
        "text": texts | anything,
        "button": texts | anything,
        "language": st.sampled_from(["nb", "xx", "", "EN"]) | anything,
        "locale": st.sampled_from(["it-IT", "nb", "../it"]) | anything,
        "product": st.sampled_from(["azure", "excel"]) | anything,
        "parent_origin": st.sampled_from(["https://shop.example.com", "http://["]) | anything,
    },
)
header_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, blacklist_characters="\x7f"), max_size=40)
headers = st.dictionaries(
    st.sampled_from(["Authorization", "Origin", "Accept-Language", "If-None-Match", "X-Forwarded-For", "Forwarded"])
    | st.sampled_from(["Content-Type", "Accept-Encoding", "Host", "Cookie", "Range", "X-Forwarded-Host"]),
    header_texts.map(str.strip),
    max_size=4,
)


class Run:
    """Counts what a fuzz run has tried."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()

    def add(self, status: int) -> None:
        """Counts an answer, which must not be a server's error."""
        self.statuses[status] += 1
        assert status < 500


@pytest.fixture(scope="module")
def run(root: Path) -> Iterator[Run]:
    """Counts the module's requests and leaves the log of the run in results/."""
    counted = Run()
    yield counted
    total, errors = counted.statuses.total(), sum(n for status, n in counted.statuses.items() if status >= 500)
    lines = [f"requests tried: {total}", f"server errors (5xx): {errors}", ""]
    lines += [f"{status or 'connection closed'}: {number}" for status, number in sorted(counted.statuses.items())]
    (root / "results").mkdir(exist_ok=True)
    (root / "results" / "channel-fuzz.txt").write_text("\n".join(lines) + "\n", encoding="utf8")


def send(page_bot: PageBot, method: str, path: str, given_headers: dict[str, str], **options: Any) -> int:
    """Makes a request exactly as told, of an address of its own unless the headers name one."""
    request = requests.Request(method, f"{page_bot.origin}/webhooks/page/", **options).prepare()
    request.url = f"{page_bot.origin}{path}"
    request.headers["X-Forwarded-For"] = page_bot.new_address()
    for name, value in given_headers.items():
        request.headers[name] = value.encode("latin1")  # type: ignore[assignment]
    with requests.Session() as session:
        return session.send(request, timeout=60).status_code


@FUZZ
@given(body=bodies | anything, tokens=st.sampled_from(["own", "none", "odd"]), path=st.sampled_from(PATHS[1:4]))
def test_no_json_body_makes_the_server_fail(page_bot: PageBot, run: Run, body: Any, tokens: str, path: str) -> None:
    given_headers = {"Content-Type": "application/json"}
    if tokens != "none":
        token = page_bot.customer().token if tokens == "own" else "odd.odd.odd"
        given_headers["Authorization"] = f"Bearer {token}"
    content = json.dumps(body)  # half characters travel as escapes
    run.add(send(page_bot, "POST", f"/webhooks/page/{path}", given_headers, data=content))


@FUZZ
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.sampled_from(PATHS),
    rest=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
    query=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20),
    given_headers=headers,
    body=st.binary(max_size=100),
)
def test_no_request_makes_the_server_fail(
    page_bot: PageBot,
    run: Run,
    method: str,
    path: str,
    rest: str,
    query: str,
    given_headers: dict[str, str],
    body: bytes,
) -> None:
    url = f"/webhooks/page/{path}{rest.replace('#', '')}?{query.replace('#', '')}"
    run.add(send(page_bot, method, url, given_headers, data=body if method not in {"GET", "HEAD"} else None))


HEADS = [
    b"Content-Length: -5",
    b"Content-Length: abc",
    b"Content-Length: 1\r\nContent-Length: 2",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Content-Length: 999999999999",
    b"Content-Length: 99999999999999999999",
    b"Transfer-Encoding: gzip",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}\r\n",
    b"Expect: 200-ok\r\nContent-Length: 2",
    b"Upgrade: websocket\r\nConnection: upgrade",
    b"no colon",
    b": empty",
    b"Authorization: Bearer \xff\xfe",
    b"Authorization: Bearer " + b"a" * 20000,
]


@pytest.mark.parametrize("head", HEADS, ids=lambda head: ascii(head[:40]))
@pytest.mark.parametrize("path", ["session", "messages", "history"])
def test_no_broken_head_stops_or_fails_the_server(page_bot: PageBot, run: Run, head: bytes, path: str) -> None:
    method = b"GET" if path == "history" else b"POST"
    start = method + f" /webhooks/page/{path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    run.add(status_of(page_bot, start + head + b"\r\n\r\n{}"))
    assert page_bot.request("GET", "/webhooks/page/texts/en.json").status_code == 200


@FUZZ
@given(
    st.binary(max_size=80)
    | st.builds(
        lambda method, path, rest: method + b" /webhooks/page/" + path + b" HTTP/1.1\r\n" + rest,
        st.sampled_from([b"GET", b"POST", b"", b"\xff"]),
        st.binary(max_size=20),
        st.binary(max_size=60),
    )
)
def test_no_bytes_make_the_server_fail(page_bot: PageBot, run: Run, content: bytes) -> None:
    run.add(status_of(page_bot, content + b"\r\n\r\n"))


def status_of(page_bot: PageBot, content: bytes) -> int:
    """Sends bytes and the end of the connection; returns the status of the answer, 0 if there is none."""
    with socket.create_connection(("127.0.0.1", page_bot.port), timeout=30) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while b"\r\n" not in answer and (more := connection.recv(4096)):
                answer += more
        except ConnectionError:
            return 0
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def test_the_bot_still_answers_after_all_that(page_bot: PageBot, run: Run) -> None:
    customer = page_bot.customer(language="en", product="azure")
    assert customer.say("how do I pay my invoice?").answer["intent"] == "pay_invoice"
    assert run.statuses.total() > 0
    failures = page_bot.log.read_text(encoding="utf8", errors="replace").count("The support page's server has failed")
    assert failures == 0
