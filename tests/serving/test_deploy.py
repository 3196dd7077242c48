"""What stands in deploy/ can be read, and names only settings, metrics and files that there are."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
import redis
import tomli
import yaml

from bot.metrics import REGISTRY
from bot.settings import Settings
from tests.conftest import or_skip
from tests.serving.test_kubernetes import SECRETS
from tests.support.servers import PostgresServer, ServerMissing, free_port, wait_until

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bBOT_([A-Z_]+)\b", path.read_text(encoding="utf8")))
    assert {name for name in named if name.lower() not in Settings.__fields__} == set()


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf8"))["services"]
    return found


def test_containers_of_compose_write_nothing_and_have_no_rights(services: dict[str, Any]) -> None:
    ours = [service for service in services.values() if service["image"].startswith("billing-triage-bot")]
    assert len(ours) == 6
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in [*ours, services["nginx"]])
    assert all(service["mem_limit"] and service["pids_limit"] for service in services.values())
    assert all(service["security_opt"] == ["no-new-privileges:true"] for service in services.values())
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    made_by_the_operator = {"./tls"}
    files = {name for name in mounted if name.startswith("./")} - made_by_the_operator
    assert all((DEPLOY / name).is_file() for name in files)


def test_each_service_of_compose_gets_the_secrets_of_its_kubernetes_workload(services: dict[str, Any]) -> None:
    for name in SECRETS:
        told = {variable.removeprefix("BOT_") for variable in services.get(name, services["rasa-1"])["environment"]}
        assert told & set.union(*SECRETS.values()) == SECRETS[name]
    assert services["delivery"]["env_file"] == ["delivery.env"]
    assert not any("env_file" in service for name, service in services.items() if name != "delivery")


def test_customers_proxy_of_compose_cannot_reach_the_desk(services: dict[str, Any]) -> None:
    desk = services["desk"]
    assert not set(desk["networks"]) & set(services["nginx"]["networks"])
    assert all(port.startswith("127.0.0.1:") for port in desk["ports"])
    assert "desk" not in (DEPLOY / "nginx.conf").read_text(encoding="utf8")
    assert desk["profiles"] == ["desk"]


def test_the_desk_of_compose_is_healthy_with_what_may_stay_empty(services: dict[str, Any], tmp_path: Path) -> None:
    desk, port = services["desk"], str(free_port())
    settings = {name: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value) for name, value in desk["environment"].items()}
    settings |= {name: f"sqlite:///{tmp_path / name}" for name in settings if name.endswith("_DATABASE")}
    environment = {**os.environ, **settings, "BOT_DESK_ORIGIN": "https://desk.example.com"}
    check = [sys.executable, *(part.replace("5010", port) for part in desk["healthcheck"]["test"][2:])]
    command = [sys.executable, *desk["command"][1:], "--port", port]
    process = subprocess.Popen(command, env=environment, cwd=DEPLOY.parent)
    try:
        wait_until(
            lambda: not subprocess.run(check, check=False, env=environment, capture_output=True).returncode, "desk"
        )
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_images_and_steps_of_ci_are_named_by_exact_versions() -> None:
    version = tomli.loads((DEPLOY.parent / "pyproject.toml").read_text(encoding="utf8"))["project"]["version"]
    texts = {path: path.read_text(encoding="utf8") for path in [*FILES, *DEPLOY.parent.glob(".github/workflows/*.yml")]}
    images = re.findall(r"(?:image: |FROM |COPY --from=)([\w./-]+:[\w.-]+|[\w./-]+$)", "\n".join(texts.values()), re.M)
    others = {image for image in images if not image.startswith("billing-triage-bot")}
    assert set(images) - others == {f"billing-triage-bot:{version}"}
    assert len(others) == 6
    assert [image for image in others if not re.search(r":\d+\.\d+(\.\d+)?(-|$)", image)] == []
    steps = re.findall(r"uses: (.*)", "\n".join(texts.values()))
    assert len(steps) == 4
    assert [step for step in steps if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", step)] == []


def test_redis_of_compose_asks_for_the_password(services: dict[str, Any], tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        or_skip(_no_redis)
    port = free_port()
    program, flag, script = services["redis"]["command"]
    here = f"--port {port} --bind 127.0.0.1 --dir {tmp_path}"
    script = script.replace("$$", "$").replace("--appendonly", f"{here} --appendonly")
    process = subprocess.Popen([program, flag, script], env={**os.environ, "REDISCLI_AUTH": "only4us"})
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "Redis")
        with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()
        with redis.Redis.from_url(f"redis://:only4us@127.0.0.1:{port}/0") as ours:
            assert ours.ping()
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_who_knows_the_password_of_one_database_cannot_read_the_other(postgres: PostgresServer) -> None:
    host = parse_qs(urlsplit(postgres.database()).query)["host"][0]
    passwords = {"CONVERSATIONS_PASSWORD": "one", "TICKETS_PASSWORD": "another's"}
    subprocess.run(
        [str(DEPLOY / "postgres-databases.sh")],
        env={**os.environ, "POSTGRES_USER": "bot", "PGHOST": host, **passwords},
        check=True,
    )
    for name in ("conversations", "tickets"):
        with psycopg2.connect(host=host, user=name, dbname=name) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (id integer)")
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(host=host, user="tickets", dbname="conversations")


def _no_redis() -> None:
    raise ServerMissing("Redis is not installed; run tools/install-test-servers.sh.")


def test_dashboard_and_alerts_ask_for_metrics_that_there_are() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf8"))
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf8"))["groups"][0]["rules"]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = set(re.findall(r"\bbot_\w+", " ".join([*asked, *(rule["expr"] for rule in rules)])))
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    there = {metric.name + suffix for metric in REGISTRY.collect() for suffix in suffixes[metric.type]}
    assert names <= there
