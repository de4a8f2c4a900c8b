"""An example on hosts: applied, broken, repaired, and what verify's table shows of it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from tests.support.breakages import Breakage, Taken
from tests.support.commands import docker
from tests.support.docker_view import lines
from tests.support.waiting import seen, soon

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.lab import Lab
    from tests.support.commands import Operator

FOLDER = Path(__file__).parent.parent.parent / "playbooks"
VALUES = {"DB_PASSWORD": "hunter2", "MESH_CA": "certificates", "MESH_KEY": "a key"}
"""Variables of the environment that examples need, as their first lines say."""
TABLE = "isolation,outside,egress,checks"
RESULT = "result.json"
KINDS = ("service", "network", "secret", "config")

Lines = tuple[dict[str, str], frozenset[str]]
GREEN: Lines = ({}, frozenset())
"""No line is red, and none is left open."""


def said_of(lab: Lab, number: int) -> dict[str, object]:
    """Return what an inventory says of a host for the examples: a zone, and a range of the lab's own LAN."""
    parts = list(lab.record.subnet.subnets(new_prefix=28))[8:]
    return {
        "role": "manager",
        "labels": {"zone": f"zone{number}"},
        "vars": {"nic": "eth0", "lan_range": str(parts[number - 1])},
    }


def _variables(lab: Lab, name: str) -> tuple[str, ...]:
    """Return the values that an example takes from the lab."""
    if name != "lan":
        return ()
    return "--var", f"lan={lab.record.subnet}", "--var", f"router={lab.record.subnet[1]}"


class Shown:
    """One example on a cluster: what verify says of it, broken and repaired."""

    def __init__(self, lab: Lab, operator: Operator, inventory: str, name: str) -> None:
        self.lab, self.operator = lab, operator
        self.words = (str(FOLDER / f"{name}.yml"), "-i", inventory, *_variables(lab, name))
        self.before = {kind: set(self._names("m1", kind)) for kind in KINDS}

    def applied(self) -> None:
        self.operator.types("apply", *self.words, "--yes", secret=VALUES)

    def table(self) -> Lines:
        """Return the red lines with their causes, and those that are left open."""
        words = ("verify", *self.words, "--only", TABLE, "--format", f"json={RESULT}")
        (self.operator.directory / RESULT).unlink(missing_ok=True)
        self.operator.types(*words, exits=(0, 1, 3), secret=VALUES)
        verdicts = json.loads((self.operator.directory / RESULT).read_text(encoding="utf-8"))["verdicts"]
        red = {one["subject"]: one["cause"] for one in verdicts if one["status"] == Status.FAILED}
        return red, frozenset(one["subject"] for one in verdicts if one["status"] == Status.INCONCLUSIVE)

    def assert_says(self, wanted: Lines) -> None:
        """Assert what the table shows. Gossip brings busy hosts late what a service that changed looks like now."""
        got = seen(self.table, lambda got: got == wanted)
        assert got == wanted, f"{got}, not {wanted}"

    def broken_and_repaired(self, rows: Iterable[Breakage]) -> None:
        """Assert that it is green, red with the right lines after each breakage, and green at the end.

        The lines of each are exact, so a repair that left something behind would show in the next one.
        """
        self.assert_says(GREEN)
        for one in rows:
            self.breaks(one)
            try:
                self.assert_says((dict(one.red), one.unknown))
            finally:
                self.repairs(one)
        self.assert_says(GREEN)

    def breaks(self, one: Breakage) -> None:
        if one.taken is Taken.RULE:
            self._rule("-I", one)
        else:
            docker(self.lab, one.where, *one.does.split())

    def repairs(self, one: Breakage) -> None:
        """Take a rule out again; what docker changed, the playbook brings back."""
        if one.taken is Taken.RULE:
            self._rule("-D", one)
        else:
            words = one.does.split()
            if "scale" in words:  # an apply leaves a number alone that the playbook does not name
                docker(self.lab, "m1", *words[:-1], words[-1].replace("=0", "=1"))
            self.applied()

    def removed(self) -> None:
        """Remove what was not there before: services first, then what they used, once their tasks have let go."""
        for kind in KINDS:
            assert soon(partial(self._gone, kind)), (kind, self._left(kind))

    def _gone(self, kind: str) -> bool:
        """Remove what can be removed on each host, and return whether nothing is left: networks may hold others."""
        left = self._left(kind)
        for host, name in left:
            self.lab.exec(host, ["docker", kind, "rm", name])
        return not left

    def _left(self, kind: str) -> set[tuple[str, str]]:
        return {(host.name, name) for host in self.lab.hosts for name in self._new(host.name, kind)}

    def _new(self, host: str, kind: str) -> set[str]:
        return set(self._names(host, kind)) - self.before[kind]

    def _names(self, host: str, kind: str) -> list[str]:
        return lines(self.lab, host, kind, "ls", "--format", "{{.Name}}")

    def _rule(self, how: str, one: Breakage) -> None:
        chain, *words = one.does.split()
        inside = one.where.removeprefix("in ")
        if inside == one.where:
            done = self.lab.exec(one.where, ["iptables", "-w", *_table(words), how, chain, *words])
            assert done.exit_code == 0, done.stderr
            return
        changed = 0
        for host in self.lab.hosts:
            label = f"label=com.docker.swarm.service.name={inside}"
            for box in docker(self.lab, host.name, "ps", "-q", "--filter", label).split():
                pid = docker(self.lab, host.name, "inspect", "-f", "{{.State.Pid}}", box)
                enter = ["nsenter", "-t", pid, "-n", "iptables", "-w", how, chain, *words]
                assert self.lab.exec(host.name, enter).exit_code == 0
                changed += 1
        assert changed


def _table(words: list[str]) -> list[str]:
    if "-t" not in words:
        return []
    at = words.index("-t")
    named = words[at : at + 2]
    del words[at : at + 2]
    return named
