"""Raft archives on real engines: secrets come back, and an engine whose operator dies is started again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from swarmnet.lab.image import make_image
from tests.support.commands import Operator, docker
from tests.support.docker_view import nodes
from tests.support.waiting import soon

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab
    from tests.support.labs import MakeLab

pytestmark = pytest.mark.lab

IMAGE = "story:1"
PAUSED = ["sh", "-c", "ls /run/swarmnet-pause.*/stopped"]
BALLAST = "/var/lib/docker/swarm/raft/ballast"
"""A file that makes an archive take some seconds: the engine does not look at it."""


def test_secrets_come_back_on_two_engine_versions_and_a_killed_run_leaves_no_engine_stopped(
    make_lab: MakeLab, tmp_path: Path
) -> None:
    lab = make_lab(hosts=2, engines=("20.10", "28.5"))
    make_image(lab, IMAGE)
    with ThreadPoolExecutor(2) as both:
        reported = both.map(
            lambda one: Story(lab, one.name, tmp_path / one.name, dies=one == lab.hosts[1]).runs(), lab.hosts
        )
    assert [*reported] == [None, None]


class Story:
    """One host, a swarm of its own."""

    def __init__(self, lab: Lab, host: str, folder: Path, *, dies: bool) -> None:
        folder.mkdir()
        self.dies = dies
        self.lab, self.host, self.operator = lab, host, Operator(folder)
        self.inventory = self.operator.writes_inventory(lab, {host: {"role": "manager"}})
        self.secret = f"word of {host}"

    def runs(self) -> None:
        self.operator.types("keys", "init", "--recovery-file", "recovery.txt")
        self.begins()
        if self.dies:
            self.dies_while_it_archives()
        taken = self.operator.asks("backup", "raft", "-i", self.inventory, "--allow-outage", "--yes")
        assert self.secret.encode() not in (self.operator.directory / taken["path"]).read_bytes()
        docker(self.lab, self.host, "swarm", "leave", "--force")
        said = self.operator.types("restore", "raft", "latest", "-i", self.inventory, "--yes")
        assert "a second plan is empty" in said
        assert soon(self.is_read), "the restored service reads the same secret"
        assert [(node, id_ == taken["node_id"]) for node, id_ in self.members()] == [(self.host, True)]

    def begins(self) -> None:
        address = str(self.lab.host(self.host).address)
        docker(self.lab, self.host, "swarm", "init", "--advertise-addr", address)
        made = self.lab.exec(self.host, ["sh", "-c", f"echo '{self.secret}' | docker secret create word -"])
        assert made.exit_code == 0, made.stderr
        reads = ["sh", "-c", "cat /run/secrets/word; exec sleep 1000000"]
        service = ["service", "create", "-d", "--name", "reader", "--secret", "word", "--stop-signal", "KILL"]
        docker(self.lab, self.host, *service, IMAGE, *reads)
        assert soon(self.is_read)

    def dies_while_it_archives(self) -> None:
        filled = self.lab.exec(self.host, ["dd", "if=/dev/urandom", f"of={BALLAST}", "bs=1M", "count=48"])
        assert filled.exit_code == 0, filled.stderr
        command = ("backup", "raft", "-i", self.inventory, "--allow-outage", "--yes")
        with self.operator.begins(*command, until="stopping its engine") as process:
            assert soon(lambda: self.lab.exec(self.host, PAUSED).exit_code == 0)
            assert nodes(self.lab, self.host) == [], "its engine is stopped"
            assert process.poll() is None
            process.kill()
        assert soon(lambda: nodes(self.lab, self.host) == [f"{self.host} Ready"]), "its host started it again"
        assert self.lab.exec(self.host, PAUSED).exit_code != 0
        assert self.operator.asks("backup", "list")["backups"] == []
        self.lab.exec(self.host, ["rm", BALLAST])

    def is_read(self) -> bool:
        said = self.lab.exec(self.host, ["docker", "service", "logs", "--raw", "reader"])
        return self.secret in said.stdout

    def members(self) -> list[tuple[str, str]]:
        listed = docker(self.lab, self.host, "node", "ls", "--format", "{{.Hostname}} {{.ID}}")
        return [(name, id_) for name, id_ in (line.split() for line in listed.splitlines())]
