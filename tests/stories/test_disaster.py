"""The operator at 3 a.m.: the cluster is gone, there is a backup, there are other hosts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from swarmnet.lab import Fault
from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab
IMAGE = "story:1"
CANARY = "open-sesame-4711"
PLAYBOOK = """
schema: 1
name: story
steps:
  - swarm: {default_addr_pool: [10.128.0.0/12], subnet_size: 25, task_history: 2}
  - node: {labels: {site: main}}
  - network: {name: front, attachable: true, mtu: 1400}
  - network: {name: back, attachable: true, internal: true, subnets: [{subnet: 10.144.7.0/24}]}
  - network: {name: vault, encrypted: true, labels: {tier: data}}
  - network: {name: bridge0, driver: bridge, subnets: [{subnet: 172.29.0.0/24}]}
  - config: {name: page, from: {file: page.html}}
  - secret: {name: password, from: {env: STORY_PASSWORD}}
  - service:
      name: web
      image: story:1
      command: [httpd, -f, -p, "80", -h, /www]
      replicas: 2
      ports: ["8080:80"]
      networks: [front, {network: back, aliases: [pages]}]
      configs: [{source: page, target: /www/index.html}]
      constraints: ["node.labels.site == main"]
      stop_grace_period: 1s
  - service:
      name: keeper
      image: story:1
      command: [sleep, "1000000"]
      mode: global
      endpoint_mode: dnsrr
      networks: [back]
      secrets: [password]
      stop_grace_period: 1s
"""


def networks(lab: Lab) -> dict[str, Any]:
    """What docker itself says of the overlays, without what can never come back."""
    names = docker(lab, "m1", "network", "ls", "-q", "--filter", "driver=overlay").split()
    seen = json.loads(docker(lab, "m1", "network", "inspect", *names))
    kept = ("Driver", "Scope", "Attachable", "Internal", "Ingress", "EnableIPv6")
    return {
        net["Name"]: {
            **{field: net[field] for field in kept},
            "subnets": [(block["Subnet"], block["Gateway"]) for block in net["IPAM"]["Config"]],
            "options": sorted(key for key in net["Options"] if "vxlanid" not in key),
        }
        for net in seen
    }


def services(lab: Lab) -> dict[str, Any]:
    """What docker itself says of the services, ids of networks, configs and secrets left out."""
    seen = json.loads(docker(lab, "m1", "service", "inspect", "web", "keeper"))
    return {
        service["Spec"]["Name"]: {
            "mode": service["Spec"]["Mode"],
            "container": {
                key: value
                for key, value in service["Spec"]["TaskTemplate"]["ContainerSpec"].items()
                if key not in ("Configs", "Secrets")
            },
            "endpoint": service["Spec"]["EndpointSpec"],
            "aliases": [net.get("Aliases") for net in service["Spec"]["TaskTemplate"]["Networks"]],
        }
        for service in seen
    }


def test_a_lost_cluster_comes_back_on_other_hosts(make_lab: MakeLab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    (tmp_path / "story.yml").write_text(PLAYBOOK)
    (tmp_path / "page.html").write_text("still here\n")
    store = ("--keys", "keys", "--repository", "backups")
    lost = make_lab(hosts=3, engines=("26.1", "20.10", "28.5"))
    make_image(lost, IMAGE)
    operator.types("apply", "story.yml", "-i", str(lost.inventory), "--yes", secret={"STORY_PASSWORD": CANARY})
    operator.types("keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
    operator.types("backup", "create", "-i", str(lost.inventory), *store)
    before = networks(lost), services(lost)
    live = ("backup", "diff", "latest", "live", "-i", str(lost.inventory), *store)
    operator.types(*live)
    docker(lost, "m1", "service", "scale", "--detach", "web=3")
    assert "service web" in operator.types(*live, exits=6)
    for host in ("m1", "m2", "m3"):
        lost.break_(Fault(host=host, kind="kill"))

    found = make_lab(hosts=3, engines=("28.5", "26.1", "20.10"))
    make_image(found, IMAGE)
    inventory = tmp_path / "found.yml"
    inventory.write_text(_renamed(found.inventory.read_text()))
    mapping = [word for number in "123" for word in ("--map", f"m{number}=n{number}")]
    secret = {"RESTORED_PASSWORD": CANARY}
    restore = ("latest", "-i", str(inventory), *store, *mapping, "--other-cluster")

    # Without the secret's data its service stays away, and the exit code says so.
    operator.types("restore", "apply", *restore, "--yes", "--no-verify", exits=15)
    assert docker(found, "m1", "service", "ls", "--format", "{{.Name}}") == "web"

    # Exit 3: all of it is there, but nothing was proved by traffic.
    rest = ("--yes", "--no-verify", "--secrets-from", "env:RESTORED_")
    said = operator.types("restore", "apply", *restore, *rest, secret=secret, exits=3)

    assert (networks(found), services(found)) == before
    assert docker(found, "m1", "exec", _task(found, "keeper"), "cat", "/run/secrets/password") == CANARY
    assert CANARY not in said
    again = operator.types("restore", "plan", *restore, "--secrets-from", "env:RESTORED_", secret=secret)
    assert "nothing to do" in again


def _renamed(inventory: str) -> str:
    for number in "123":
        inventory = inventory.replace(f"  m{number}:", f"  n{number}:")
    return inventory


def _task(lab: Lab, service: str) -> str:
    """Return the container of the service on m1."""
    return docker(lab, "m1", "ps", "-q", "--filter", f"label=com.docker.swarm.service.name={service}")
