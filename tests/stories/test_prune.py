"""``--prune`` on real engines: what swarmnet made and no step names goes; what others made or use stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, attach, docker

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab
IMAGE = "prune:1"
SWARM, FRONT = "swarm: {}", "network: {name: front, attachable: true}"
WEB = f"service: {{name: web, image: '{IMAGE}', networks: [front], stop_grace_period: 1s}}"
MORE = (
    *(
        "network: {name: empty}",
        "network: {name: lent, attachable: true}",
        "network: {name: visited, attachable: true}",
    ),
    "network: {name: local, driver: bridge, subnets: [{subnet: 172.29.0.0/24}]}",
    *("config: {name: unused, from: {file: text}}", "config: {name: borrowed, from: {file: text}}"),
    *("secret: {name: token, from: {file: text}}", "secret: {name: shared, from: {file: text}}"),
    f"service: {{name: old, image: '{IMAGE}', networks: [lent], secrets: [token], stop_grace_period: 1s}}",
)


def names(lab: Lab, kind: str, host: str = "m1") -> set[str]:
    """Return the names of all networks, configs, secrets or services, without the hashes in them."""
    return {line.rpartition("-")[0] or line for line in docker(lab, host, kind, "ls", "--format", "{{.Name}}").split()}


def test_what_no_step_names_is_removed_and_what_others_made_or_use_stays(lab: Lab, tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    (tmp_path / "text").write_text("text\n", encoding="utf-8")
    inventory = operator.writes_inventory(lab, {"m1": {"role": "manager"}, "m2": {"role": "worker"}})
    make_image(lab, IMAGE)
    operator.types("apply", operator.writes_playbook(SWARM, FRONT, *MORE, WEB), "-i", inventory, "--yes")
    lent = next(one for one in docker(lab, "m1", "config", "ls", "--format", "{{.Name}}").split() if "borrowed" in one)
    shared = next(one for one in docker(lab, "m1", "secret", "ls", "--format", "{{.Name}}").split() if "shared" in one)
    used = ("--network", "lent", "--config", lent, "--secret", shared)
    docker(lab, "m1", "service", "create", "--detach", "--quiet", "--name", "theirs", *used, IMAGE)
    docker(lab, "m1", "network", "create", "--driver", "overlay", "foreign")
    docker(lab, "m1", "config", "create", "foreign", "/etc/hostname")
    attach(lab, "m2", "guest", network="visited", image=IMAGE)
    docker(lab, "m2", "run", "--detach", "--name", "pinned", "--network", "local", IMAGE)
    # An own service whose playbook leaves configs to others: what it uses is used.
    docker(lab, "m1", "service", "update", "--detach", "--quiet", "--config-add", lent, "web")
    fewer = operator.writes_playbook(SWARM, FRONT, WEB)

    assert "nothing changed" in operator.types("apply", fewer, "-i", inventory)
    reported = operator.types("apply", fewer, "-i", inventory, "--prune", "--yes")

    for kept in (
        "network lent is not pruned: used by service theirs",
        "network visited is not pruned: used by container guest on m2\n",
        "network local on m2 is not pruned: used by container pinned on m2",
        f"config {lent} is not pruned: used by service theirs, service web",
        f"secret {shared} is not pruned: used by service theirs",
    ):
        assert kept in reported
    networks = names(lab, "network")
    assert {"front", "lent", "visited", "foreign"} <= networks
    assert not {"empty", "local"} & networks
    assert "local" in names(lab, "network", "m2")
    assert names(lab, "config") == {"borrowed", "foreign"}
    assert names(lab, "secret") == {"shared"}
    assert names(lab, "service") == {"web", "theirs"}
    operator.types("plan", fewer, "-i", inventory, "--prune", "--check")
