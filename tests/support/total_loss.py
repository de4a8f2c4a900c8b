"""The story of a cluster that is destroyed to the last disk and comes back: once small, once whole.

What is left is a bucket and the recovery file. From a backup, the cluster comes back on hosts with other names and
addresses; from a raft archive, on hosts with the old ones, secrets included. Each takes three commands.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

import yaml

from swarmnet.lab import Fault, Lab, LabSpec
from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.labs import fresh_name
from tests.support.s3_server import BUCKET, S3Server
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab.spec import KernelWish

IMAGE = "story:1"
CANARY = "open-sesame-4711"
AWAY = f"s3://{BUCKET}/swarm"
SECRET = {"RESTORE_PASSWORD": CANARY}
PLAYBOOK = """\
schema: 1
name: story
steps:
  - swarm: {default_addr_pool: [10.128.0.0/12], subnet_size: 25, task_history: 2}
  - node: {labels: {site: main}}
    on: [manager]
  - node: {labels: {lan: "yes"}}
    on: [edge]
  - network: {name: front, attachable: true, mtu: 1400, subnets: [{subnet: 10.144.6.0/24}]}
  - network: {name: back, attachable: true, internal: true, subnets: [{subnet: 10.144.7.0/24}]}
  - network: {name: vault, attachable: true, encrypted: ENCRYPTED, labels: {tier: data}}
  - network:
      name: lan-addresses
      driver: macvlan
      config_only: true
      options: {parent: eth0}
      subnets: [{subnet: 192.0.2.0/24}]
  - network: {name: lan, driver: macvlan, scope: swarm, config_from: lan-addresses}
  - network: {name: bridge0, driver: bridge, subnets: [{subnet: 172.29.0.0/24}]}
    on: [edge]
  - config: {name: page, from: {file: page.html}}
  - secret: {name: password, exact: true, from: {env: RESTORE_PASSWORD}}
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
      networks: [back, vault]
      secrets: [password]
      stop_grace_period: 1s
  - service:
      name: printer
      image: story:1
      mode: global
      networks: [lan]
      constraints: ["node.labels.lan == yes"]
      stop_grace_period: 1s
  - stack: {file: shop.yml, name: shop}
  - container: {name: legacy, image: "story:1", networks: [{network: front, ipv4: 10.144.6.77, aliases: [old]}]}
    on: [last]
"""
STACK = """\
services:
  cart:
    image: story:1
    networks: [wire]
    stop_grace_period: 1s
    deploy: {replicas: 2}
networks:
  wire: {driver: overlay, attachable: true}
"""
SERVICES = ("keeper", "printer", "shop_cart", "web")
ADDRESSES = IPv4Network("10.212.0.0/16")
"""No lab chooses addresses here by itself: between its two uses, other labs must not take the story's subnet."""


@dataclass(frozen=True)
class Size:
    """How large the cluster of the story is."""

    managers: int
    workers: int
    engines: tuple[str, ...]
    kernels: KernelWish = "shared"

    @property
    def hosts(self) -> int:
        """All of them."""
        return self.managers + self.workers

    @property
    def proves_all(self) -> bool:
        """True where encrypted overlays carry packets, and the mesh balances, whatever the machine's kernel has."""
        return self.kernels == "own"

    @property
    def proofs(self) -> tuple[str, ...]:
        """What a green proof is called; where kernels lack something, it says what it could not prove.

        Engines before 29.8 are warned of: their IPv6 listener of a published port never answers.
        """
        return ("ok", "warning") if self.proves_all else ("ok", "warning", "inconclusive")

    @property
    def green(self) -> tuple[int, ...]:
        """The exit codes of a green proof."""
        return (0,) if self.proves_all else (0, 3)


@dataclass
class Ruin:
    """A cluster that was, what its own engines said of it, and where its backups are."""

    size: Size
    folder: Path
    server: S3Server
    labs: ExitStack
    """Takes down what is left of the hosts at last."""
    lost: Lab | None = None
    """The hosts that were: without power, until others are there."""
    subnet: IPv4Network = field(default_factory=lambda: IPv4Network((int(ADDRESSES[256 * secrets.randbelow(256)]), 24)))
    before: dict[str, Any] = field(default_factory=dict)

    def build_and_lose(self) -> None:
        """Make the cluster, back it up in both ways, copy both away, and destroy every disk and the laptop."""
        laptop = self.laptop("first")
        lab = self.lost = self.labs.enter_context(self.lab(self.size.engines, subnet=self.subnet))
        inventory = self.inventory(lab, laptop, "site.yml", {})
        laptop.types("apply", "story.yml", "-i", inventory, "--yes", secret=SECRET)
        laptop.types("keys", "init", "--keys", "keys", "--recovery-file", "recovery.txt")
        store = ("--keys", "keys", "--repository", "backups")
        laptop.types("backup", "create", "-i", inventory, *store, "--playbook", "story.yml")
        self.before = self.seen(lab)  # the raft archive restarts an engine: nodes are not ready for a moment
        laptop.types("backup", "raft", "-i", inventory, *store, "--from", "m1", "--allow-outage", "--yes")
        laptop.types("backup", "copy", "--all", *store, "--to", AWAY, secret=self.server.environment())
        for host in lab.hosts:
            lab.break_(Fault(host=host.name, kind="kill"))
        for path in laptop.directory.iterdir():
            if path.name != "recovery.txt":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def laptop(self, name: str) -> Operator:
        """Return someone at a laptop: the first has the playbook with its files, others the recovery file alone."""
        directory = self.folder / name
        directory.mkdir()
        if name == "first":
            word = str(self.size.proves_all).lower()
            (directory / "story.yml").write_text(PLAYBOOK.replace("ENCRYPTED", word))
            (directory / "shop.yml").write_text(STACK)
            (directory / "page.html").write_text("still here\n")
        else:
            shutil.copy(self.folder / "first" / "recovery.txt", directory)
        return Operator(directory)

    def lab(self, engines: tuple[str, ...], *, subnet: IPv4Network | None = None) -> Lab:
        """Return new hosts with the image, and with nothing else."""
        size = self.size
        spec = LabSpec(
            name=fresh_name(),
            hosts=size.hosts,
            managers=size.managers,
            engines=engines,
            kernels=(size.kernels,),
            subnet=subnet,
        )
        lab = Lab.up(spec)
        make_image(lab, IMAGE)
        return lab

    def inventory(self, lab: Lab, laptop: Operator, name: str, names: dict[str, str]) -> str:
        """Write the inventory of a lab, with other names where some are given; workers are the group ``edge``."""
        document = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))
        document["cluster"] = "story"
        document["hosts"] = {names.get(host, host): facts for host, facts in document["hosts"].items()}
        edge = [names.get(host.name, host.name) for host in lab.hosts if host.name.startswith("w")]
        document["groups"] = {"edge": {"hosts": edge}, "last": {"hosts": edge[-1:]}}
        (laptop.directory / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return name

    def seen(self, lab: Lab) -> dict[str, Any]:
        """Return what docker itself says of the cluster, without what never comes back."""
        return {
            "networks": _networks(lab),
            "services": _services(lab),
            "labels": _labels(lab),
            "container": _container(lab, lab.hosts[-1].name),
        }

    def secret(self, lab: Lab) -> str:
        """Return what a task reads in its secret."""
        task = docker(lab, "m1", "ps", "-q", "--filter", "label=com.docker.swarm.service.name=keeper")
        return docker(lab, "m1", "exec", task, "cat", "/run/secrets/password")


def comes_back(size: Size, folder: Path) -> None:
    """Let a cluster of this size be, be destroyed, and come back both ways."""
    away = folder / "away"
    away.mkdir()
    with S3Server(away).running() as server, ExitStack() as labs:
        ruin = Ruin(size, folder, server, labs)
        ruin.build_and_lose()
        _on_other_hosts(ruin)
        _on_the_old_addresses(ruin)


def _on_other_hosts(ruin: Ruin) -> None:
    laptop = ruin.laptop("second")
    away = ("--repository", AWAY, "--identity", "recovery.txt")
    with ruin.lab(ruin.size.engines[::-1]) as lab:
        assert ruin.lost is not None
        ruin.lost.down()
        assert lab.record.subnet != ruin.subnet
        names = {host.name: f"new-{host.name}" for host in lab.hosts}
        new = ruin.inventory(lab, laptop, "new.yml", names)
        mapping = [word for old, now in names.items() for word in ("--map", f"{old}={now}")]
        given = ("--secrets-from", "env:RESTORE_", "--files-to", "kept", "--no-backup", "--json", "--yes")
        secret = SECRET | ruin.server.environment()
        said = laptop.types("restore", "apply", "latest", "-i", new, *away, *mapping, *given, secret=secret, exits=15)
        report = json.loads(said[: said.index("\n")])
        _states_what_does_not_come_back(report, names)
        assert report["verified"] in ruin.size.proofs, said
        laptop.types("apply", "kept/story.yml", "-i", new, "--yes")
        laptop.types("verify", "-i", new, exits=ruin.size.green)
        assert ruin.seen(lab) == ruin.before
        assert ruin.secret(lab) == CANARY


def _states_what_does_not_come_back(report: dict[str, Any], names: dict[str, str]) -> None:
    *_others, last = names.values()
    assert [one["what"] for one in report["skips"]] == [f"container legacy on {last}"]
    assert {one["kind"] for one in report["losses"]} >= {"ids", "virtual-ips", "cluster-identity", "history", "data"}
    assert report["failed"] == []


def _on_the_old_addresses(ruin: Ruin) -> None:
    laptop = ruin.laptop("third")
    away = ("--repository", AWAY, "--identity", "recovery.txt")
    with ruin.lab(ruin.size.engines, subnet=ruin.subnet) as lab:
        old = ruin.inventory(lab, laptop, "old.yml", {})
        secret = ruin.server.environment()
        laptop.types("restore", "raft", "latest", "-i", old, *away, "--yes", secret=secret)
        laptop.types("backup", "show", "latest", *away, "--files-to", "kept", secret=secret)
        laptop.types("apply", "kept/story.yml", "-i", old, "--yes")
        # Tasks that were refused while their host's own network was missing are made again, some seconds later.
        assert soon(lambda: _all_run(lab))
        laptop.types("verify", "-i", old, exits=ruin.size.green)
        assert ruin.seen(lab) == ruin.before
        assert ruin.secret(lab) == CANARY


def _all_run(lab: Lab) -> bool:
    """Return whether every service has tasks, and all run: one whose task is about to start is listed as 0/0."""
    listed = docker(lab, "m1", "service", "ls", "--format", "{{.Replicas}}").splitlines()
    return all(running == wanted != "0" for running, _, wanted in (one.partition("/") for one in listed))


def _networks(lab: Lab) -> dict[str, Any]:
    listed = docker(lab, "m1", "network", "ls", "-q", "--filter", "scope=swarm").split()
    seen = json.loads(docker(lab, "m1", "network", "inspect", *listed))
    kept = ("Driver", "Scope", "Attachable", "Internal", "Ingress", "EnableIPv6", "ConfigFrom")
    return {
        net["Name"]: {
            **{one: net[one] for one in kept},
            "subnets": [(block["Subnet"], block.get("Gateway")) for block in net["IPAM"]["Config"] or ()],
            "options": sorted(key for key in net["Options"] or () if "vxlanid" not in key),
        }
        for net in seen
    }


def _services(lab: Lab) -> dict[str, Any]:
    seen = json.loads(docker(lab, "m1", "service", "inspect", *SERVICES))
    return {
        service["Spec"]["Name"]: {
            "mode": service["Spec"]["Mode"],
            "container": {
                key: value
                for key, value in service["Spec"]["TaskTemplate"]["ContainerSpec"].items()
                if key not in ("Configs", "Secrets")
            },
            "placement": service["Spec"]["TaskTemplate"].get("Placement"),
            "endpoint": service["Spec"].get("EndpointSpec"),
            "aliases": [net.get("Aliases") for net in service["Spec"]["TaskTemplate"]["Networks"]],
        }
        for service in seen
    }


def _labels(lab: Lab) -> list[dict[str, str]]:
    listed = docker(lab, "m1", "node", "ls", "-q").split()
    nodes = json.loads(docker(lab, "m1", "node", "inspect", *listed))
    alive = [node for node in nodes if node["Status"]["State"] == "ready"]
    return sorted((node["Spec"]["Labels"] for node in alive), key=str)


def _container(lab: Lab, host: str) -> dict[str, Any]:
    (found,) = json.loads(docker(lab, host, "container", "inspect", "legacy"))
    place = found["NetworkSettings"]["Networks"]["front"]
    return {
        "running": found["State"]["Running"],
        "address": place["IPAMConfig"],
        "aliases": [one for one in place["Aliases"] or () if one != found["Id"][:12]],
    }
