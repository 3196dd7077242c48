"""Pictures of the page; `UPDATE_SCREENSHOTS=1 make test` writes those that the documentation shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.page.test_embedding import frame_of
from tests.page.test_flow import Visit
from tests.page.visitor import DESKTOP, PHONE

SHARP_PHONE: dict[str, Any] = {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


def assert_is_picture(path: Path) -> None:
    assert path.read_bytes().startswith(b"\x89PNG")


def test_pictures_of_greeting_and_answer_on_phone_and_desktop(visit: Visit, pictures: Path) -> None:
    for name, options in {
        "phone": SHARP_PHONE,
        "desktop": {"viewport": DESKTOP},
        "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    }.items():
        visitor = visit("/?lang=nb", **options)
        expect(visitor.find("topic-grid button").first).to_be_visible()
        if name != "dark":
            visitor.page.screenshot(path=pictures / f"{name}-greeting.png")
            assert_is_picture(pictures / f"{name}-greeting.png")
        visitor.say("kortet mitt ble avvist")
        visitor.press("Microsoft 365")
        visitor.page.mouse.move(0, 0)  # nothing looks pointed at
        visitor.page.screenshot(path=pictures / f"{name}-answer.png")
        assert_is_picture(pictures / f"{name}-answer.png")


def test_a_picture_of_the_chat_on_a_foreign_page(visit: Visit, pictures: Path) -> None:
    visitor = visit("/webhooks/page/demo", viewport=DESKTOP)
    frame = frame_of(visitor)
    frame.locator("#launcher").click()
    frame.locator("#message").fill("kortet mitt ble avvist")
    frame.locator("#message").press("Enter")
    expect(frame.locator(".choice-feedback").first).to_be_attached()
    visitor.page.screenshot(path=pictures / "embedded.png")
    assert_is_picture(pictures / "embedded.png")
