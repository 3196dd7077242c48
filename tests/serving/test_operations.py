"""Health, metrics and logs of a running server."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from bot.metrics import REGISTRY
from bot.serving.logs import JsonFormatter, conversation
from bot.stores.tracker_store import count
from tests.channel.conftest import Customer, PageBot
from tests.conftest import ROOT, free_port, started
from tests.support.servers import wait_until

TOKEN = "a token that Prometheus knows"


@pytest.fixture(scope="module")
def watched_bot(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageBot]:
    """A bot with metrics and JSON logs; its action server can be killed."""
    folder = tmp_path_factory.mktemp("watched")
    port = free_port()
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
    environment = {
        "BOT_METRICS_TOKEN": TOKEN,
        "BOT_LOG_FORMAT": "json",
        "BOT_SECRETS_DIR": str(folder / "secrets"),
        "BOT_PROXIES_COUNT": "1",
    }
    with actions(folder) as (url, server):
        with started(command, folder / "bot.log", BOT_ACTION_SERVER_URL=url, **environment) as process:
            yield PageBot(port, folder / "bot.log", folder / "conversations.db", folder / "secrets", process.pid)
        assert server.poll() is not None, "no test has ended the action server"


@contextmanager
def actions(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An action server that was started apart."""
    import os
    import sys

    port = free_port()
    environment = {**os.environ, "SANIC_HOST": "127.0.0.1", "BOT_TICKETS_DATABASE": f"sqlite:///{folder}/tickets.db"}
    command = [sys.executable, "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    with (folder / "actions.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    (folder / "actions.pid").write_text(str(process.pid), encoding="ascii")
    try:
        yield f"http://127.0.0.1:{port}/webhook", process
    finally:
        process.terminate()
        process.wait(timeout=60)


def ready(bot: PageBot) -> requests.Response:
    return requests.get(f"{bot.origin}/health/ready", timeout=30)


def wait_until_ready(bot: PageBot) -> None:
    wait_until(lambda: ready(bot).status_code == 200, "the server", 120)


def metrics(bot: PageBot) -> dict[str, float]:
    answer = requests.get(f"{bot.origin}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
    assert answer.status_code == 200
    lines = [line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def test_a_server_counts_its_messages_and_measures_its_stages(watched_bot: PageBot) -> None:
    wait_until_ready(watched_bot)
    customer: Customer = watched_bot.customer(language="nb")
    customer.say("hvorfor er fakturaen så høy denne måneden")
    customer.say("qwrtz plk")
    seen = metrics(watched_bot)
    assert seen['bot_messages_total{channel="page"}'] == 2
    assert seen['bot_languages_total{language="nb"}'] >= 1
    assert seen['bot_stage_seconds_count{stage="turn"}'] == 2
    for stage in ("understanding", "rasa", "action", "tracker_read", "tracker_save"):
        assert seen[f'bot_stage_seconds_count{{stage="{stage}"}}'] >= 2
    assert seen['bot_part_ready{part="action_server"}'] == 1


@pytest.mark.parametrize("sent", [None, "Bearer wrong", TOKEN])
def test_metrics_are_told_to_nobody_without_the_token(watched_bot: PageBot, sent: str | None) -> None:
    headers = {"Authorization": sent} if sent else {}
    answer = requests.get(f"{watched_bot.origin}/metrics", headers=headers, timeout=30)
    assert (answer.status_code, answer.json()) == (401, {"error": "token"})


def test_where_the_action_server_is_gone_the_server_lives_and_says_what_is_missing(watched_bot: PageBot) -> None:
    wait_until_ready(watched_bot)
    pid = int((watched_bot.log.parent / "actions.pid").read_text(encoding="ascii"))
    import os

    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    answer = ready(watched_bot)
    assert answer.status_code == 503
    assert answer.json()["missing"] == ["action_server"]
    assert requests.get(f"{watched_bot.origin}/health/live", timeout=30).json() == {"status": "live"}
    customer = watched_bot.customer(language="nb")
    assert customer.say("hvorfor er fakturaen så høy denne måneden").parts[0]["type"] == "text"  # an apology
    written = [json.loads(line) for line in watched_bot.log.read_text(encoding="utf8").splitlines() if line[:1] == "{"]
    told = [line for line in written if line.get("conversation") == customer.conversation]
    assert told, "no log line names the conversation"
    assert "fakturaen" not in json.dumps(told, ensure_ascii=False)


def test_a_log_line_says_where_it_went_wrong_and_nothing_that_a_customer_has_written() -> None:
    token = conversation.set("page-anne")
    try:
        raise ValueError("kari@example.com wrote something")
    except ValueError:
        import sys

        record = logging.LogRecord(
            "bot", logging.ERROR, "x.py", 1, "card 4111 1111 1111 1111 of kari@example.com", (), sys.exc_info()
        )
    line = json.loads(JsonFormatter().format(record))
    conversation.reset(token)
    assert (line["level"], line["logger"], line["conversation"]) == ("error", "bot", "page-anne")
    assert line["error"] == "ValueError"
    assert "test_operations.py" in line["stack"]
    assert "kari" not in json.dumps(line)
    assert "4111 1111" not in json.dumps(line)


def test_fallbacks_and_hand_overs_are_counted_as_what_the_bot_did() -> None:
    def seen(name: str) -> float:
        return REGISTRY.get_sample_value(name) or 0.0

    before = seen("bot_fallbacks_total"), seen("bot_hand_overs_total")
    for action in ("action_not_understood", "action_open_ticket", "action_listen"):
        count({"event": "action", "name": action})
    assert (seen("bot_fallbacks_total"), seen("bot_hand_overs_total")) == (before[0] + 1, before[1] + 1)
