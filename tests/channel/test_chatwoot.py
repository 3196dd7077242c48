"""The bot as Chatwoot's agent bot: answers once, and not after the hand-over; Chatwoot stands in by its documents."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests
from rasa.shared.exceptions import RasaException

from bot.channel.chatwoot import ChatwootChannel
from bot.settings import Settings
from tests.conftest import free_port, started
from tests.support import chatwoot
from tests.support.chatwoot import Chatwoot

_IDENTITIES = count(1)


@dataclass
class Customer:
    """A customer's conversation in Chatwoot, which an agent bot has."""

    there: Chatwoot
    url: str
    status: str = "pending"
    conversation: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.conversation = self.there.converse(self.status)

    @property
    def answers(self) -> list[str]:
        """Texts of what the bot has said, as they are shown."""
        return [each["content"].replace("\\", "") for each in self.conversation["messages"]]

    def event(self, text: str, **changes: Any) -> dict[str, Any]:
        """Returns the webhook's payload about a new message.

        Args:
            text: what the customer says.
            **changes: other values of the payload.
        """
        told = {name: self.conversation[name] for name in ("id", "inbox_id", "status", "custom_attributes")}
        return {
            "event": "message_created",
            "id": next(_IDENTITIES),
            "content": text,
            "message_type": "incoming",
            "private": False,
            "sender": {"id": 12, "name": "Kari", "email": "kari.nordmann@example.com"},
            "account": {"id": 1, "name": "Help"},
            "conversation": told,
            **changes,
        }

    def send(self, event: dict[str, Any], **signed: Any) -> requests.Response:
        """Sends an event as Chatwoot does."""
        body, headers = self.there.webhook(event, **signed)
        return requests.post(f"{self.url}/webhooks/chatwoot/events", data=body, headers=headers, timeout=60)

    def say(self, text: str, **changes: Any) -> bool:
        """Sends what the customer says; tells whether the bot has answered."""
        answer = self.send(self.event(text, **changes))
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["answered"])


@pytest.fixture(scope="module")
def there() -> Iterator[Chatwoot]:
    server = Chatwoot()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def url(there: Chatwoot, trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bot that is the agent bot of a Chatwoot."""
    log, port = tmp_path_factory.mktemp("agent-bot") / "bot.log", free_port()
    environment = {
        "BOT_SECRETS_DIR": str(log.parent / "secrets"),
        "BOT_CHATWOOT_BOT_URL": there.url,
        "BOT_CHATWOOT_BOT_TOKEN": chatwoot.TOKEN,
        "BOT_CHATWOOT_BOT_SECRET": chatwoot.SECRET,
    }
    with started(["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)], log, **environment):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def customer(there: Chatwoot, url: str) -> Customer:
    return Customer(there, url)


def test_a_message_is_answered_once_however_often_it_comes(customer: Customer) -> None:
    event = customer.event("kortet mitt ble avvist")
    with ThreadPoolExecutor(4) as pool:
        given = [answer.json()["answered"] for answer in pool.map(customer.send, [event] * 4)]
    assert sorted(given) == [False, False, False, True]
    assert customer.send(event).json() == {"answered": False}
    (answer,) = customer.answers
    assert "- Azure" in answer


def test_a_whole_answer_is_one_message_with_links(customer: Customer) -> None:
    assert customer.say("my card was declined")
    assert customer.say("Azure")
    assert len(customer.answers) == 2
    assert "https://learn.microsoft.com/" in customer.answers[1]
    assert customer.conversation["status"] == "pending"


def test_a_customer_who_wants_a_person_is_handed_over_and_the_bot_is_silent_then(customer: Customer) -> None:
    assert customer.say("I want to talk to a human")
    assert customer.conversation["status"] == "open"
    (waiting,) = customer.answers
    assert "support" in waiting
    assert not customer.say("hello?")
    customer.conversation["status"] = "pending"  # an agent gives it back
    assert customer.say("my card was declined")
    assert len(customer.answers) == 2


def test_a_customer_who_wants_a_ticket_is_handed_over_too(customer: Customer) -> None:
    assert customer.say("my card was declined")
    assert customer.say("please open a ticket")
    assert customer.conversation["status"] == "open"


@pytest.mark.parametrize(
    "changes",
    [
        {"message_type": "outgoing"},
        {"message_type": "template"},
        {"private": True},
        {"event": "message_updated"},
        {"content": None},
        {"content": " \u200b "},
    ],
)
def test_what_is_no_message_of_a_customers_is_not_answered(customer: Customer, changes: dict[str, Any]) -> None:
    assert not customer.say("my card was declined", **changes)
    assert customer.answers == []


@pytest.mark.parametrize("status", ["open", "resolved", "snoozed"])
def test_a_conversation_that_is_not_the_bots_is_not_answered(there: Chatwoot, url: str, status: str) -> None:
    customer = Customer(there, url, status)
    assert not customer.say("my card was declined")
    assert customer.answers == []


@pytest.mark.parametrize("signed", [{"key": ""}, {"key": "another secret"}, {"late": 301}, {"late": -360}])
def test_what_chatwoot_has_not_signed_now_is_refused(customer: Customer, signed: dict[str, Any]) -> None:
    answer = customer.send(customer.event("my card was declined"), **signed)
    assert answer.status_code == 401
    assert customer.answers == []


def test_a_command_is_words_and_an_event_that_cannot_be_read_is_refused(customer: Customer) -> None:
    customer.say("/restart")
    customer.say('/talk_to_human{"x": 1}')
    assert customer.conversation["status"] == "pending"
    assert customer.send({"event": "message_created"}).status_code == 422
    assert customer.send(customer.event("x", account=None)).status_code == 422


def test_an_answer_that_chatwoot_does_not_take_is_an_error_so_that_a_person_takes_over(customer: Customer) -> None:
    event = customer.event("my card was declined")
    customer.there.failing = 503
    answer = customer.send(event)
    customer.there.failing = None
    assert (answer.status_code, "503" in answer.json()["error"]) == (502, True)


def test_a_bot_without_chatwoot_has_no_such_address_and_half_a_setting_is_told() -> None:
    async def nothing(message: object) -> None:
        pass

    assert ChatwootChannel(Settings()).blueprint(nothing)._future_routes == set()
    with pytest.raises(RasaException, match="BOT_CHATWOOT_BOT_SECRET"):
        ChatwootChannel(Settings(chatwoot_bot_url="http://localhost/"))
