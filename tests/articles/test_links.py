"""Addresses of links."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.articles.links import clean_url, faults, resolve
from bot.settings import get_settings

LEARN = "https://learn.microsoft.com"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://docs.microsoft.com/a/b", f"{LEARN}/a/b"),
        ("http://docs.microsoft.com/nb-NO/a", f"{LEARN}/a"),
        ("https://support.microsoft.com/en-us/help/1?ocid=x", "https://support.microsoft.com/help/1"),
        ("https://azure.microsoft.com/en-us", "https://azure.microsoft.com"),
        ("https://aka.ms/x?utm_source=a&keep=b&UTM_medium=c", "https://aka.ms/x?keep=b"),
        ("https://docs.microsoft.com/a?view=o365&wt.MC_id=1#part", f"{LEARN}/a?view=o365#part"),
        ("https://docs.microsoft.com/a?WT.mc_id=1%22%20%5Cl%20%22b%22#part", f"{LEARN}/a#part"),
        ("https://docs.microsoft.com/a?ui=b?wt.mc_id=1#part?ocid=2", f"{LEARN}/a?ui=b#part"),
        ("https://docs.microsoft.com/a%20", f"{LEARN}/a"),
        ('https://admin.microsoft.com/#/home">more', "https://admin.microsoft.com/#/home"),
        ("https://portal.azure.com/#blade/A/B", "https://portal.azure.com/#blade/A/B"),
        ("http://example.org/en-us/a?b=c#d", "http://example.org/en-us/a?b=c#d"),
        ("https://example.org/?wt.mc_id=1", "https://example.org/"),
    ],
)
def test_an_address_is_cleaned(written: str, shown: str) -> None:
    assert clean_url(written) == shown


@given(
    st.sampled_from(["https://docs.microsoft.com", "http://support.office.com", "https://example.org"]),
    st.lists(st.sampled_from(["nb-no", "en-US", "a", "b%20", "%22"]), max_size=4),
    st.lists(st.sampled_from(["WT.mc_id=1", "view=x", "utm_a=b", "c", "d=%22e", ""]), max_size=4),
    st.sampled_from(["", "#f", '#g"h', "#:~:text=i%20j"]),
)
def test_cleaning_twice_changes_nothing_more(host: str, path: list[str], query: list[str], fragment: str) -> None:
    once = clean_url(f"{host}/{'/'.join(path)}?{'&'.join(query)}{fragment}")
    assert clean_url(once) == once


@pytest.mark.parametrize(
    "written",
    [
        "https://docs.microsoft.com/a?b=%22%20%5Cl%20%22c",
        'https://docs.microsoft.com/a"b',
        "https://docs.microsoft.com/a b",
        "https://docs.microsoft.com/a%20b",
        "https://docs.microsoft.com/a#b\\c",
        "https://",
        "https:/docs.microsoft.com/a",
        "https://[a",
        "https://exa mple.org",
        "javascript:alert(1)",
        "file:///c:/a",
        "mailto:",
        "",
        "a.md",
    ],
)
def test_what_is_wrong_with_an_address_is_said(written: str) -> None:
    assert resolve(written).problem


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("mailto:someone@example.org", "mailto:someone@example.org"),
        ("/azure/a", f"{LEARN}/azure/a"),
        ("//docs.microsoft.com/a", f"{LEARN}/a"),
        ("#part", None),
        ("ms-settings:display", None),
        ("https://docs.microsoft.com/a#:~:text=b%20c", f"{LEARN}/a#:~:text=b%20c"),
        ("https://contoso.sharepoint.com/sites/a%20b", "https://contoso.sharepoint.com/sites/a%20b"),
    ],
)
def test_nothing_is_said_about_a_sound_address(written: str, shown: str | None) -> None:
    assert (resolve(written).url, resolve(written).problem) == (shown, "")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a.md#b", "https://x.org/d/a#b"),
        ("../a.yml?c=d", "https://x.org/a?c=d"),
        ("./a", "https://x.org/d/a"),
        ("/a.md", f"{LEARN}/a"),
    ],
)
def test_relative_addresses_are_completed_from_their_base(written: str, shown: str) -> None:
    assert resolve(written, "https://x.org/d/").url == shown


def test_a_tab_does_not_hide_the_scheme_of_a_script() -> None:
    assert resolve("java\tscript:alert(1)", "https://x.org/d/").url is None


@given(st.text(max_size=60))
def test_no_text_is_too_odd_to_be_an_address(written: str) -> None:
    for base in (None, "https://x.org/d/"):
        address = resolve(written, base)
        assert address.url or address.problem or address == resolve("#")
        assert all(faults(written))


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("http://learn.microsoft.com/a", "is not HTTPS"),
        ("https://example.org/a", "not on the list"),
        ("https://learn.microsoft.com/a?WT.mc_id=b", "tracking"),
        ("https://learn.microsoft.com/nb-no/a", "locale"),
    ],
)
def test_our_own_articles_must_not_have_such_addresses(written: str, fault: str) -> None:
    assert [fault in found for found in faults(written)] == [True]


def test_a_good_address_of_our_own_has_no_fault() -> None:
    assert list(faults("https://go.microsoft.com/fwlink/?linkid=2083458")) == []


def test_the_contact_of_the_settings_may_be_linked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_SUPPORT_REQUEST_URL", "https://help.example.com/new")
    get_settings.cache_clear()
    try:
        assert list(faults("https://help.example.com/phone")) == []
    finally:
        get_settings.cache_clear()
