"""The page's documents: headers, caching, texts, and that nothing else is served."""

from __future__ import annotations

import gzip
from pathlib import Path
from string import Formatter

import pytest
import yaml

from bot.articles.issues import common_issues
from bot.articles.replies import Replies
from bot.channel.documents import asset
from bot.settings import Settings
from tests.channel.conftest import PageBot

LANGUAGES = Replies().complete()
DATA = Path(__file__).resolve().parent.parent.parent / "data" / "replies"


def page_texts(language: str) -> dict[str, str]:
    """Returns the texts that the server says by itself."""
    texts: dict[str, str] = yaml.safe_load((DATA / f"{language}.yml").read_text(encoding="utf8"))["page"]
    return {key: text for key, text in texts.items() if key.startswith(("error_", "notice_card"))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_has_words_of_its_own_in_every_language(language: str) -> None:
    own, english = page_texts(language), page_texts("en")
    assert own.keys() == english.keys()
    for key, text in own.items():
        assert language == "en" or text != english[key]
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        assert names == {name for _, name, _, _ in Formatter().parse(english[key]) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_of_a_language_are_complete(page_bot: PageBot, language: str) -> None:
    answer = page_bot.request("GET", f"/webhooks/page/texts/{language}.json")
    content = answer.json()
    english = page_bot.request("GET", "/webhooks/page/texts/en.json").json()
    assert answer.headers["Content-Type"] == "application/json"
    assert content["language"] == language
    assert list(content["languages"]) == list(Replies().languages())
    assert content["common"] == common_issues()
    for group in ("replies", "labels", "topics", "page"):
        assert content[group].keys() == english[group].keys()
    assert "{url}" not in str(content["replies"])
    assert "learn.microsoft.com" in content["link_hosts"]


@pytest.mark.parametrize("name", ["xx.json", "nb", "nb.yml", "..%2Fen.json", "%2e%2e/en.yml", "nb.json/x", ""])
def test_no_other_texts_are_served(page_bot: PageBot, name: str) -> None:
    answer = page_bot.request("GET", f"/webhooks/page/texts/{name}")
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize(
    "name",
    ["page.py", "..%2Fpage.py", "../page.py", "%2e%2e%2fpage.py", "..%5cpage.py", "%00", "page.js%00", ".", "x" * 3000],
)
def test_no_file_beside_the_pages_own_is_served(page_bot: PageBot, name: str) -> None:
    assert page_bot.request("GET", f"/webhooks/page/assets/{name}").status_code == 404


def test_only_files_of_the_web_are_served(tmp_path: Path) -> None:
    for name in ("page.js", "notes.txt", "key"):
        (tmp_path / name).write_text("content")
    found = asset("page.js", tmp_path)
    assert found is not None
    assert gzip.decompress(found.packed) == found.body == b"content"
    assert asset("notes.txt", tmp_path) is None
    assert asset("key", tmp_path) is None
    assert asset("page.js", tmp_path / "not built yet") is None


def test_every_answer_carries_the_security_headers_and_no_cookie(page_bot: PageBot) -> None:
    for method, path in [
        ("GET", "/"),
        ("GET", "/webhooks/page/frame"),
        ("GET", "/webhooks/page/demo"),
        ("GET", "/webhooks/page/embed.js"),
        ("GET", "/webhooks/page/assets/page.js"),
        ("GET", "/webhooks/page/texts/nb.json"),
        ("GET", "/webhooks/page/nothing"),
        ("POST", "/webhooks/page/session"),
        ("PUT", "/webhooks/page/session"),
    ]:
        answer = page_bot.request(method, path, json={} if method == "POST" else None)
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "unsafe" not in answer.headers.get("Content-Security-Policy", "")
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_only_the_frame_may_be_framed_and_only_by_allowed_sites(page_bot: PageBot) -> None:
    page, frame = page_bot.request("GET", "/"), page_bot.request("GET", "/webhooks/page/frame")
    if page.headers["Content-Type"].startswith("text/plain"):
        pytest.skip("the page has not been built yet (bot/channel/assets/index.html)")
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in frame.headers
    assert "frame-ancestors 'self' https://shop.example.com" in frame.headers["Content-Security-Policy"]
    for answer in (page, frame):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in answer.headers["Content-Security-Policy"]


def test_the_page_says_its_language_before_any_script_runs(page_bot: PageBot) -> None:
    if asset("index.html") is None:
        pytest.skip("the page has not been built yet (bot/channel/assets/index.html)")
    assert '<html lang="nb"' in page_bot.request("GET", "/?lang=nb").text
    assert '<html lang="sv"' in page_bot.request("GET", "/", headers={"Accept-Language": "sv-SE,en;q=0.5"}).text
    assert '<html lang="en"' in page_bot.request("GET", '/?lang="><script>').text


def test_a_browser_that_has_a_file_is_not_sent_it_again(page_bot: PageBot) -> None:
    path = "/webhooks/page/texts/nb.json"
    first = page_bot.request("GET", path)
    assert first.headers["Content-Encoding"] == "gzip"
    again = page_bot.request("GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = page_bot.request("GET", path, headers={"Accept-Encoding": "identity"})
    assert plain.json() == first.json()
    assert plain.headers["ETag"] != first.headers["ETag"]
    named = page_bot.request("GET", path, params={"v": plain.headers["ETag"].strip('"')})
    assert "immutable" in named.headers["Cache-Control"]


def test_what_is_not_there_is_refused_in_the_visitors_language(page_bot: PageBot) -> None:
    answer = page_bot.request("GET", "/webhooks/page/nothing", headers={"Accept-Language": "nl"})
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "message": Replies().page("error_not_found", "nl"),
        "language": "nl",
    }
    assert page_bot.request("PUT", "/webhooks/page/messages").status_code == 405
    assert page_bot.request("GET", "/elsewhere").status_code == 404


def test_every_setting_of_the_page_is_documented(root: Path) -> None:
    documented = (root / "docs" / "operations.md").read_text(encoding="utf8")
    ours = {"secret_key", "secrets_dir", "token_lifetime_seconds", "page_origin", "embed_origins", "link_hosts"}
    ours |= {"message_length", "body_bytes", "limits_storage", "sessions_at_once", "proxies_count"}
    ours |= {name for name in Settings.__fields__ if name.startswith("limit_")}
    assert ours <= set(Settings.__fields__)
    assert [name for name in sorted(ours) if f"`BOT_{name.upper()}`" not in documented] == []
