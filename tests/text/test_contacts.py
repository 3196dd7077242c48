"""Addresses and telephone numbers in what customers type."""

from __future__ import annotations

import pytest

from bot.text.contacts import (
    around_contacts,
    customers_address,
    find_address,
    find_contact,
    find_phone,
    without_address,
)


@pytest.mark.parametrize(
    ("typed", "address", "beside"),
    [
        ("write to ann.li@example.com.", "ann.li@example.com", "write to"),
        ("luis88 arroba example punto com", "luis88@example.com", ""),
        ("luis88 arroba example.com", "luis88@example.com", ""),
        ("ann (at) example (dot) com", "ann@example.com", ""),
        ("ann[at]example.co.uk, thanks", "ann@example.co.uk", ", thanks"),
        ("Kari punktum Olsen krøllalfa example punktum no", "kari.olsen@example.no", ""),
        ("matti miukumauku example piste fi", "matti@example.fi", ""),
        ("meine ist max at example punkt de", "max@example.de", "meine ist"),
    ],
)
def test_addresses_are_found_however_their_signs_are_written(typed: str, address: str, beside: str) -> None:
    found = find_address(typed)
    assert found is not None and found.lower() == address
    assert find_contact(typed)
    assert without_address(typed) == beside


@pytest.mark.parametrize(
    "typed", ["I looked at example.com yesterday", "we met at a point", "a" * 4000, "at " * 2000, "a dot " * 1000]
)
def test_words_are_no_addresses(typed: str) -> None:
    assert find_contact(typed) is None
    assert without_address(typed) == typed.strip()


@pytest.mark.parametrize(
    ("typed", "phone"),
    [
        ("call 020 7946 0000", "020 7946 0000"),
        ("ring på 28 44 91 03", "28 44 91 03"),
        ("onko se muotoa 1234567-8?", None),
        ("renews on 2026-12-09 10:30, or 9.12.2026", None),
        ("since 24.11.2026, call 070-174 06 05", "070-174 06 05"),
    ],
)
def test_dates_and_finnish_company_numbers_are_no_telephone_numbers(typed: str, phone: str | None) -> None:
    assert find_phone(typed) == phone


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("it came from microsoft-noreply@microsoft.com, write to ann@example.com", "ann@example.com"),
        ("is billing@email.microsoft.com genuine", None),
        ("ann@contoso.onmicrosoft.com", "ann@contoso.onmicrosoft.com"),
        ("nothing here", None),
    ],
)
def test_an_address_of_microsofts_is_not_the_customers(typed: str, address: str | None) -> None:
    assert customers_address(typed) == address


def test_what_is_said_around_contacts_comes_in_parts() -> None:
    told = "Write to ann@example.com, not to his old address, nobody reads it. Or 020 7946 0000"
    assert around_contacts(told) == ["Write to", "not to his old address, nobody reads it. Or", ""]
