"""The list of addresses, offline and online, against a real server."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bot.search.database import Library
from bot.search.importing import import_articles
from bot.search.links import check_links, list_links
from tests.search.conftest import write


def test_every_address_is_listed_with_its_articles_and_problems(imported: Library) -> None:
    found = {entry.written: entry for entry in list_links(imported.path)}
    entry = found["https://docs.microsoft.com/shared-mailbox"]
    assert entry.articles == ("nb-NO/Insights/shared-mailbox.md", "nl-NL/Insights/shared-mailbox.md")
    assert entry.url == "https://learn.microsoft.com/shared-mailbox"
    assert entry.problems == ("host docs.microsoft.com has moved to learn.microsoft.com; correct it",)


@contextmanager
def server(asked: Counter[str]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked[self.path] += 1
            self.send_response({"/gone": 404, "/moved": 301}.get(self.path, 200))
            self.send_header("Location", "/new")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()


def test_online_each_address_is_asked_once_and_remembered(library: Library, trees: Path, tmp_path: Path) -> None:
    asked: Counter[str] = Counter()
    with server(asked) as base:
        for name in ("one", "two"):
            text = " ".join(f"[{page} page]({base}/{page})" for page in ("fine", "gone", "moved"))
            write(trees, "nb-NO", name, "Lenker", text)
        import_articles(library, [trees])
        entries = [entry for entry in list_links(library.path) if entry.url.startswith(base)]
        for _ in range(2):
            checked = check_links(entries, tmp_path / "links.json", between_seconds=0)
    assert asked == {"/fine": 1, "/gone": 1, "/moved": 1}
    problems = {entry.url.rsplit("/", 1)[1]: entry.problems[-1:] for entry in checked}
    assert problems["gone"] == ("answers 404; replace it",)
    assert problems["moved"] == ("moved for good to /new; correct it",)
    assert not any("answers" in problem for problem in problems["fine"])
