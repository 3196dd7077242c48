"""Requests that are too large, too slow or broken, as raw bytes, on every kind of route of a running bot."""

from __future__ import annotations

import select
import socket
import time
from itertools import cycle

import pytest

from tests.channel.conftest import PageBot

LIMIT_SECONDS = 30
HEAD = "{} {} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-Forwarded-For: {}\r\n"
# The page, its channel (bodies are read as streams), Rasa's REST channel, health, and what is not there.
POSTS = ["/webhooks/page/session", "/webhooks/page/messages", "/webhooks/rest/webhook", "/health/live", "/", "/nothing"]
GETS = ["/", "/webhooks/page/history", "/webhooks/page/texts/en.json", "/health/live", "/health/ready", "/version"]


def head(page_bot: PageBot, method: str, path: str, *lines: str) -> bytes:
    """Returns the head of a request from an address of its own, without the empty line that ends it."""
    return (HEAD.format(method, path, page_bot.new_address()) + "".join(f"{line}\r\n" for line in lines)).encode()


def connect(page_bot: PageBot) -> socket.socket:
    """Opens a connection."""
    return socket.create_connection(("127.0.0.1", page_bot.port), timeout=LIMIT_SECONDS)


def read_to_end(connection: socket.socket) -> bytes:
    """Returns what comes until the server closes the connection; fails where it does not."""
    answer = b""
    try:
        while more := connection.recv(65536):
            answer += more
    except ConnectionError:  # closed before it had read all that was sent
        pass
    return answer


def statuses(answer: bytes) -> list[int]:
    """Returns the statuses of the answers on a connection."""
    return [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]


def answered(page_bot: PageBot, *sent: bytes) -> list[int]:
    """Sends bytes; returns the statuses of what comes until the server closes the connection."""
    with connect(page_bot) as connection:
        for part in sent:
            try:
                connection.sendall(part)
            except ConnectionError:  # refused already
                break
        return statuses(read_to_end(connection))


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_says_it_is_huge_is_refused_at_once(page_bot: PageBot, path: str) -> None:
    assert answered(page_bot, head(page_bot, "POST", path, "Content-Length: 999999999999"), b"\r\n{}") == [413]


@pytest.mark.parametrize("path", ["/webhooks/page/session", "/webhooks/rest/webhook"])
def test_a_body_that_is_larger_than_a_route_takes_is_refused_before_it_has_come(page_bot: PageBot, path: str) -> None:
    length = "Content-Length: 1048577" if "rest" in path else "Content-Length: 131073"
    with connect(page_bot) as connection:
        connection.sendall(head(page_bot, "POST", path, length) + b"\r\n{")
        assert statuses(connection.recv(65536)) == [413]


@pytest.mark.parametrize("path", POSTS[:3])
def test_a_chunked_body_without_end_is_refused_at_the_limit(page_bot: PageBot, path: str) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    begun = head(page_bot, "POST", path, "Transfer-Encoding: chunked") + b"\r\n"
    # A client without a token is refused as such, and its body read no further than the limit.
    assert answered(page_bot, begun, *[chunk] * 400) == [401 if path.endswith("messages") else 413]


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("body", ["Content-Length: 20000000", "Content-Length: 5", "Transfer-Encoding: chunked"])
def test_a_get_with_a_body_is_refused(page_bot: PageBot, path: str, method: str, body: str) -> None:
    status = 413 if body.endswith("20000000") else 400
    hidden = head(page_bot, "GET", "/health/live") + b"\r\n"  # must not be taken for a request
    assert answered(page_bot, head(page_bot, method, path, body) + b"\r\n" + hidden) == [status]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_huge_headers_are_refused(page_bot: PageBot, method: str) -> None:
    for lines in (["X-Long: " + "a" * 20000], [f"X-{number}: a" for number in range(2000)]):
        assert answered(page_bot, head(page_bot, method, "/health/live", *lines), b"\r\n") == [413]
    endless = [b"a" * 65536 for _ in range(400)]
    assert answered(page_bot, b"GET /", *endless) == [413]


def test_many_short_headers_are_borne(page_bot: PageBot) -> None:
    lines = ["a:"] * 1900 + ["Connection: close"]
    assert answered(page_bot, head(page_bot, "GET", "/health/live", *lines) + b"\r\n") == [200]


def test_requests_that_come_together_are_answered_one_after_the_other(page_bot: PageBot) -> None:
    several = (head(page_bot, "GET", "/health/live") + b"\r\n") * 200
    last = head(page_bot, "GET", "/health/live", "Connection: close") + b"\r\n"
    assert answered(page_bot, several + last) == [200] * 201


def test_a_client_that_sends_a_byte_now_and_then_is_told_so_and_let_go(page_bot: PageBot) -> None:
    ending = b"a" * 10000
    slow = {
        "nothing at all": (b"", b"", []),
        "head": (head(page_bot, "GET", "/") + b"X-Slow: ", ending, [408]),
        "head of a channel": (head(page_bot, "POST", "/webhooks/page/messages") + b"X-Slow: ", ending, [408]),
        **{f"body of {path}": (body(page_bot, path), ending, [408]) for path in (POSTS[0], POSTS[2])},
        **{
            f"chunks of {path}": (chunked(page_bot, path), b"1\r\n \r\n" * 1000, [408]) for path in (POSTS[0], POSTS[2])
        },
        "body of a page that asks for a websocket": (body(page_bot, POSTS[0], "Upgrade: websocket"), ending, [408]),
        # These are answered by their heads; what comes after is waited for no longer than any other body.
        "body without a token": (body(page_bot, "/webhooks/page/messages"), ending, [401]),
        "body of what is not there": (body(page_bot, "/nothing"), ending, [404]),
        "second request": (
            head(page_bot, "GET", "/health/live") + b"\r\n" + b"GET / HTTP/1.1\r\nX: ",
            ending,
            [200, 408],
        ),
    }
    assert trickled(page_bot, {name: (first, rest) for name, (first, rest, _) in slow.items()}) == {
        name: expected for name, (_, _, expected) in slow.items()
    }


def body(page_bot: PageBot, path: str, *lines: str) -> bytes:
    """Returns a request whose body is still to come."""
    return head(page_bot, "POST", path, "Content-Length: 10000", *lines) + b"\r\n"


def chunked(page_bot: PageBot, path: str) -> bytes:
    """Returns a request whose body is to come in chunks."""
    return head(page_bot, "POST", path, "Transfer-Encoding: chunked") + b"\r\n"


def trickled(page_bot: PageBot, clients: dict[str, tuple[bytes, bytes]]) -> dict[str, list[int] | None]:
    """Plays slow clients, all at once.

    Args:
        page_bot: the bot.
        clients: name -> what it sends at once, and what it sends byte by byte, ten bytes a second.

    Returns:
        name -> the statuses of the answers until the server closed the connection; None where it never did.
    """
    found: dict[str, list[int] | None] = dict.fromkeys(clients)
    open_ones = {name: connect(page_bot) for name in clients}
    heard = dict.fromkeys(clients, b"")
    for name, (first, _) in clients.items():
        open_ones[name].sendall(first)
    deadline = time.monotonic() + LIMIT_SECONDS
    for place in cycle(range(10000)):
        readable = select.select(list(open_ones.values()), [], [], 0.1)[0]
        for name, connection in list(open_ones.items()):
            try:
                more = connection.recv(65536) if connection in readable else None
                if more != b"":
                    heard[name] += more or b""
                    connection.sendall(clients[name][1][place : place + 1])
                    continue
            except ConnectionError:  # closed while we were sending
                pass
            found[name] = statuses(heard[name])
            connection.close()
            del open_ones[name]
        if not open_ones or time.monotonic() > deadline:
            break
    for connection in open_ones.values():
        connection.close()
    return found
