"""Switching a running server to another model and back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.model_versions.folder import read_served
from bot.model_versions.servers import running_servers
from tests.channel.conftest import Customer, PageBot
from tests.conftest import ROOT
from tests.model_versions.conftest import following, models_command
from tests.support.models import copy_model, id_of
from tests.support.servers import wait_until

FIRST, SECOND = "triage-first.tar.gz", "triage-second.tar.gz"
ASKS = {"en": "my card was declined", "nb": "kortet mitt ble avvist", "de": "meine Karte wurde abgelehnt"}


@pytest.fixture
def folder(served_models: Path, following_bot: PageBot) -> Path:
    """The folder that the bot follows; it answers with the first model."""
    if model_of(following_bot) != FIRST:
        models_command(served_models, "switch", FIRST)
    return served_models


def model_of(bot: PageBot) -> str | None:
    model: str | None = requests.get(f"{bot.origin}/health/ready", timeout=30).json()["model"]
    return model


def model_ids(events: list[dict[str, Any]]) -> list[str]:
    """Returns the ids of the models that have understood a conversation's messages, in their order."""
    return list(dict.fromkeys(e["metadata"]["model_id"] for e in events if e["event"] == "user"))


def test_a_conversation_goes_on_with_the_model_that_was_switched_to_and_back(
    folder: Path, following_bot: PageBot
) -> None:
    customer = following_bot.customer(language="nb")
    asked = customer.say(ASKS["nb"])
    product = asked.buttons("product")[0]
    assert "triage-second.tar.gz is served by 1 server." in models_command(folder, "switch", "triage-second").stdout
    assert model_of(following_bot) == SECOND
    answer = customer.press(product).answer
    assert (answer["intent"], answer["language"]) == ("card_declined", "nb")
    assert "triage-first.tar.gz is served by 1 server." in models_command(folder, "undo").stdout
    assert customer.say("hvor finner jeg det?").parts
    ids = [event["metadata"]["model_id"] for event in following_bot.events(customer) if event["event"] == "user"]
    assert ids == [id_of(folder / name) for name in (FIRST, SECOND, FIRST)]
    assert len(customer.history()) >= 6


def test_customers_who_write_meanwhile_lose_nothing(folder: Path, following_bot: PageBot) -> None:
    over, failures, customers = threading.Event(), list[str](), list[Customer]()

    def write(language: str) -> None:
        customer = following_bot.customer(language=language)
        customers.append(customer)
        while not over.is_set():
            try:
                parts = customer.say(ASKS[language]).parts
                if not any(part.get("intent") == "card_declined" or part["type"] == "buttons" for part in parts):
                    failures.append(f"{language}: {parts}")
            except (AssertionError, requests.RequestException) as error:
                failures.append(f"{language}: {error!r}")

    writers = [threading.Thread(target=write, args=[language]) for language in ASKS]
    for writer in writers:
        writer.start()
    try:
        wait_until(lambda: len(customers) == len(ASKS), "the customers", 60)
        models_command(folder, "switch", SECOND)
        models_command(folder, "undo")
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failures == []
    seen = [model_ids(following_bot.events(customer)) for customer in customers]
    assert all({id_of(folder / FIRST), id_of(folder / SECOND)} <= {*ids} for ids in seen), seen


def test_a_model_that_cannot_be_loaded_is_refused_with_the_reason_and_the_old_one_goes_on(
    folder: Path, following_bot: PageBot, trained_model: Path
) -> None:
    broken = folder / "broken.tar.gz"
    copy_model(trained_model, broken, lambda name, content: b"{" if name.endswith("rule_policy.json") else content)
    customer = following_bot.customer(language="en")
    customer.say(ASKS["en"])
    before = read_served(folder)
    refused = models_command(folder, "switch", "broken", code=1)
    assert refused.stderr.startswith("error: broken.tar.gz is not served: the server with process ")
    assert refused.stderr.endswith(f"The servers go on with {FIRST}.\n")
    assert len(refused.stderr.splitlines()) == 1
    after = read_served(folder)
    assert before is not None and after is not None
    assert (after.model, after.previous) == (before.model, before.previous)
    assert model_of(following_bot) == FIRST
    assert customer.say("where do I find that?").parts
    broken.unlink()


def test_a_model_that_only_understands_is_refused(folder: Path, following_bot: PageBot, trained_model: Path) -> None:
    def nlu_only(name: str, content: bytes) -> bytes:
        if name != "metadata.json":
            return content
        return json.dumps({**json.loads(content), "core_target": None, "training_type": 1}).encode()

    copy_model(trained_model, folder / "nlu.tar.gz", nlu_only)
    refused = models_command(folder, "switch", "nlu", code=1)
    assert "it has no rules" in refused.stderr
    assert model_of(following_bot) == FIRST
    (folder / "nlu.tar.gz").unlink()


def test_several_servers_switch_and_one_that_was_killed_is_not_waited_for(
    folder: Path, following_bot: PageBot, tmp_path: Path
) -> None:
    with following(folder, tmp_path / "second") as second:
        assert [server.model for server in running_servers(folder)] == [FIRST, FIRST]
        models_command(folder, "switch", SECOND)
        assert {model_of(following_bot), model_of(second)} == {SECOND}
        rasa = next(s.pid for s in running_servers(folder) if is_child(s.pid, second.process_id))
        os.kill(rasa, signal.SIGKILL)
        wait_until(lambda: len(running_servers(folder)) == 1, "the note of the killed server to go", 30)
        assert "is served by 1 server." in models_command(folder, "undo").stdout


def is_child(pid: int, parent: int) -> bool:
    return f"PPid:\t{parent}\n" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")


def test_a_second_switch_is_refused_while_one_is_under_way(folder: Path, following_bot: PageBot) -> None:
    code = "import sys, fcntl; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    words = [sys.executable, "-c", code, str(folder / "switch.lock")]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        refused = models_command(folder, "switch", SECOND, code=1)
        other.communicate(b"\n")
    assert "another switch is under way" in refused.stderr
    assert model_of(following_bot) == FIRST
