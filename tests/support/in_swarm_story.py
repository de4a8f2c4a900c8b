"""The story of a schedule that the swarm itself runs, from its install to its end."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import yaml

from swarmnet.cli.sealing import opening_vault
from tests.support.commands import Operator, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

HOSTS = {"m1": {"role": "manager"}, "m2": {"role": "worker"}}
AWAY, FOLDER = "registry", "/srv/from-the-swarm"


def _without_age(status: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in status.items() if key != "age"}


def backs_itself_up(lab: Lab, folder: Path, image: str) -> None:
    """Let the swarm back itself up, also what only a worker has, by an image that its hosts have."""
    operator = Operator(folder)
    inventory = operator.writes_inventory(lab, HOSTS)
    operator.types("keys", "init", "--recovery-file", "recovery.txt")
    playbook = operator.writes_playbook("swarm: {}")
    operator.types("apply", "-i", inventory, playbook, "--yes")
    docker(lab, "m2", "network", "create", "only-here")
    ssh = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))["ssh"]
    login = ("--ssh-key", ssh["key"], "--known-hosts", ssh["known_hosts"])
    target = f"sftp://root@{lab.host(AWAY).address}{FOLDER}"
    wanted = ("-i", inventory, "--in-swarm", "--image", image, "--to", target, "--playbook", playbook, *login)

    first = operator.asks("schedule", "install", *wanted)
    assert first["schedule"]["node"] == "m1"
    assert operator.asks("schedule", "install", *wanted)["done"] == []

    other = Operator(folder / "other")  # who did not install it: the swarm tells what its schedule is
    other.directory.mkdir()
    there = ("-i", str(folder / inventory))
    done = other.asks("schedule", "run", *there)["run"]
    assert (done["exit_code"], done["complete"]) == (0, True), done["lines"]
    status = operator.asks("schedule", "status")["schedules"][0]
    assert _without_age(other.asks("schedule", "status", *there)["schedules"][0]) == _without_age(status)
    assert (status["overdue"], status["problem"], status["last"]["backup"]) == (False, None, done["backup"])

    other.types("schedule", "remove", *there)
    assert docker(lab, "m1", "service", "ls", "-q") == docker(lab, "m1", "secret", "ls", "-q") == ""
    text = lab.exec(AWAY, ["sh", "-c", f"base64 {FOLDER}/*/{done['backup']}.swarmnet"]).stdout
    sealed = base64.b64decode(text)
    opened = opening_vault(folder / "swarmnet" / "keys", None, None).open(sealed)
    assert "only-here" in {net.spec.name for facts in opened.state.hosts for net in facts.networks}
    assert opened.sources is not None
    assert opened.sources.named[playbook] == (folder / playbook).read_bytes()
    assert (opened.state.services, opened.state.secrets) == ((), ())
