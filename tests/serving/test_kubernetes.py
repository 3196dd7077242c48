"""deploy/kubernetes: valid objects, a Secret for each workload, and a network in which only what must talk can talk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

FOLDER = Path(__file__).resolve().parent.parent.parent / "deploy" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
# What each process reads of what must stay secret; benchmarks/serving/stack.py starts them with no more.
SECRETS = {
    "rasa": {"TRACKER_DATABASE", "TICKETS_DATABASE", "REDIS_URL", "BROKER_URL", "SECRET_KEY", "METRICS_TOKEN"},
    "actions": {"TICKETS_DATABASE"},
    "delivery": {"TICKETS_DATABASE"},
    "retention": {"TRACKER_DATABASE", "TICKETS_DATABASE"},
    "desk": {"TRACKER_DATABASE", "TICKETS_DATABASE", "TICKETS_STATUS_SECRET", "DESK_OPENID_CLIENT_SECRET"},
}
Document = dict[str, Any]


def documents(kind: str = "") -> list[Document]:
    """Returns the objects of one kind, or all."""
    found = [document for path in FILES for document in yaml.safe_load_all(path.read_text(encoding="utf8"))]
    return [document for document in found if kind in ("", document["kind"])]


def pods() -> dict[str, Document]:
    """Returns the pod template of each workload."""
    specs = {name["metadata"]["name"]: name["spec"] for name in documents("Deployment") + documents("CronJob")}
    return {name: spec.get("jobTemplate", {"spec": spec})["spec"]["template"] for name, spec in specs.items()}


def secret(workload: str) -> dict[str, str]:
    """Returns the variables of the example of a workload's Secret."""
    (path,) = FOLDER.rglob(f"{workload}.env.example")
    text = path.read_text(encoding="utf8")
    return dict(re.findall(r"^BOT_(\w+)=(.*)$", text, re.MULTILINE))


def peers(workload: str, direction: str) -> set[tuple[str, int]]:
    """Returns whom a workload's pods may talk to (`egress`) or be asked by (`ingress`): what they are, and the port.

    Args:
        workload: the workload.
        direction: `egress` or `ingress`.
    """
    labels, found = pods()[workload]["metadata"]["labels"], set()
    for policy in documents("NetworkPolicy"):
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items():
            for rule in policy["spec"].get(direction, []):
                for peer in rule["to" if direction == "egress" else "from"]:
                    found |= {(_named(peer), port["port"]) for port in rule["ports"]}
    return found


def _named(peer: Document) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    labels = peer.get("podSelector", peer.get("namespaceSelector"))["matchLabels"]
    return str(labels.get("app") or labels.get("k8s-app") or labels["kubernetes.io/metadata.name"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_object_is_one_that_kubernetes_takes(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf8")):
        kubernetes_validate.validate(document, desired_version="1.28", strict=True)


def test_each_workload_gets_a_secret_of_its_own_with_what_it_needs() -> None:
    assert set(pods()) == set(SECRETS)
    for name, pod in pods().items():
        (container,) = pod["spec"]["containers"]
        assert container["envFrom"] == [{"secretRef": {"name": f"billing-triage-{name}"}}]
        assert set(secret(name)) == SECRETS[name]


def test_nothing_may_talk_unless_it_is_said() -> None:
    (nobody,) = [policy["spec"] for policy in documents("NetworkPolicy") if len(policy["spec"]) == 2]
    assert sorted(nobody["policyTypes"]) == ["Egress", "Ingress"]
    for pod in pods().values():
        assert nobody["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()


@pytest.mark.parametrize("workload", SECRETS)
def test_each_workload_reaches_what_its_settings_name_and_nothing_else(workload: str) -> None:
    (container,) = pods()[workload]["spec"]["containers"]
    addresses = [*secret(workload).values(), *(variable["value"] for variable in container.get("env", []))]
    named = [urlsplit(address) for address in addresses if "://" in address and "example.com" not in address]
    needed = {(str(address.hostname), address.port or {"postgresql": 5432}[address.scheme]) for address in named}
    outside = {("0.0.0.0/0", port) for port in (443, 465, 587)} if workload == "delivery" else set()
    assert peers(workload, "egress") == needed | outside | {("kube-dns", 53)}


def test_only_the_ingress_controller_and_prometheus_reach_a_server_and_only_servers_reach_actions() -> None:
    assert peers("rasa", "ingress") == {("ingress-nginx", 5005), ("monitoring", 5005)}
    assert peers("actions", "ingress") == {("rasa", 5055)}
    assert peers("delivery", "ingress") == peers("retention", "ingress") == set()


def test_visitors_reach_the_page_over_tls_and_neither_health_nor_metrics() -> None:
    paths = {(path["path"], path["pathType"]) for path in tls_paths("rasa")}
    assert paths == {("/", "Exact"), ("/webhooks/page", "Prefix")}


def test_agents_reach_the_desk_over_tls_and_never_through_the_ingress_of_the_customers() -> None:
    assert [path["path"] for path in tls_paths("desk")] == ["/"]
    customers, agents = ingress("rasa"), ingress("desk")
    assert customers["ingressClassName"] != agents["ingressClassName"]
    assert {path["backend"]["service"]["name"] for path in tls_paths("rasa")} == {"rasa"}
    assert peers("desk", "ingress") == {("ingress-internal", 5010)}
    (container,) = pods()["desk"]["spec"]["containers"]
    host = agents["rules"][0]["host"]
    assert {"name": "BOT_DESK_ORIGIN", "value": f"https://{host}"} in container["env"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):  # the desk refuses other hosts
        assert container[probe]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": host}]


def ingress(name: str) -> Document:
    """Returns what an Ingress says."""
    (found,) = (document["spec"] for document in documents("Ingress") if document["metadata"]["name"] == name)
    return dict(found)


def tls_paths(name: str) -> list[Document]:
    """Returns the paths of an Ingress, whose one host has TLS."""
    (rule,) = ingress(name)["rules"]
    assert ingress(name)["tls"][0]["hosts"] == [rule["host"]]
    return list(rule["http"]["paths"])


def test_every_container_is_locked_and_limited_and_every_server_is_probed() -> None:
    for pod in pods().values():
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        assert ("ports" in container) == ("readinessProbe" in container) == ("livenessProbe" in container)
