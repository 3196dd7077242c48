"""What stands in deploy/ can be read, and names only settings, metrics and files that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.serving.metrics import REGISTRY
from bot.settings import Settings

DEPLOY = Path(__file__).resolve().parent.parent.parent / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())


def containers(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the containers of a Kubernetes document."""
    spec = document["spec"]
    pod = spec.get("jobTemplate", {"spec": spec})["spec"].get("template", {"spec": {}})["spec"]
    found: list[dict[str, Any]] = pod.get("containers", [])
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bBOT_([A-Z_]+)\b", path.read_text(encoding="utf8")))
    assert {name for name in named if name.lower() not in Settings.__fields__} == set()


def test_every_container_in_kubernetes_is_locked_and_limited_and_every_server_is_probed() -> None:
    documents = list(yaml.safe_load_all((DEPLOY / "kubernetes" / "bot.yaml").read_text(encoding="utf8")))
    found = [container for document in documents for container in containers(document)]
    assert [container["name"] for container in found] == ["rasa", "actions", "delivery", "retention"]
    for container in found:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["resources"]["limits"]["memory"]
        assert ("ports" in container) == ("readinessProbe" in container) == ("livenessProbe" in container)


def test_containers_of_compose_write_nothing_and_have_no_rights() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf8"))["services"]
    ours = [service for service in services.values() if service["image"] == "billing-triage-bot"]
    assert len(ours) == 4
    assert all(service["read_only"] and service["cap_drop"] == ["ALL"] for service in ours)
    mounted = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])]
    assert all((DEPLOY / name).is_file() for name in mounted if name.startswith("./"))


def test_dashboard_and_alerts_ask_for_metrics_that_there_are() -> None:
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf8"))
    rules = yaml.safe_load((DEPLOY / "alerts.yaml").read_text(encoding="utf8"))["groups"][0]["rules"]
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = set(re.findall(r"\bbot_\w+", " ".join([*asked, *(rule["expr"] for rule in rules)])))
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
    there = {metric.name + suffix for metric in REGISTRY.collect() for suffix in suffixes[metric.type]}
    assert names <= there
