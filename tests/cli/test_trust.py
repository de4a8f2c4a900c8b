"""``swarmnet trust`` against real sshds, judged by ``ssh-keygen`` and ssh."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.commands import Operator
from tests.support.ports import free_port
from tests.support.sshd import Sshd, make_key

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.lab


class Hosts:
    """Two hosts without a jump host and one behind the first, none of them known."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operator = Operator(folder)
        self.key = make_key(folder / "key")
        self.servers = {name: Sshd(folder / name) for name in ("h1", "h2", "inner")}
        for server in self.servers.values():
            server.authorize(self.key)
        self.known = folder / "known_hosts"
        self.write()

    def write(self, **more: object) -> None:
        hosts = {
            name: {"address": "127.0.0.1", "role": "manager", "ssh": {"port": server.port}}
            for name, server in self.servers.items()
        }
        hosts["inner"]["ssh"] = {"port": self.servers["inner"].port, "jump": "h1"}
        hosts["inner"]["address"] = "localhost"
        ssh = {"user": "root", "key": str(self.key), "known_hosts": str(self.known), "config": "", "connect_timeout": 5}
        inventory = {"schema": 1, "cluster": "c", "ssh": {**ssh, **more}, "hosts": hosts}
        (self.folder / "inv.yml").write_text(yaml.safe_dump(inventory))

    def printed(self, name: str) -> str:
        """What ssh-keygen prints of a host's key: bits, fingerprint, comment, kind."""
        done = subprocess.run(
            ["/usr/bin/ssh-keygen", "-lf", f"{self.servers[name].host_key}.pub"],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.split()[1]

    def trusts(self, *more: str, exits: int = 0) -> str:
        return self.operator.types("trust", "-i", "inv.yml", *more, exits=exits)

    def looks(self, *more: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.operator.asks("trust", "-i", "inv.yml", *more)["hosts"]
        return found

    def expected(self) -> list[str]:
        return [word for name in self.servers for word in ("--fingerprint", f"{name}={self.printed(name)}")]

    def ssh_knows(self, name: str, host: str) -> bool:
        port = self.servers[name].port
        argv = ["/usr/bin/ssh-keygen", "-F", f"[{host}]:{port}", "-f", str(self.known)]
        return subprocess.run(argv, check=False, capture_output=True).returncode == 0


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    with made.servers["h1"].running(), made.servers["h2"].running(), made.servers["inner"].running():
        yield made


def test_all_keys_are_shown_asked_about_once_a_round_and_written_as_ssh_does(hosts: Hosts) -> None:
    """C10."""
    said = hosts.operator.converses("trust", "-i", "inv.yml", asked="[y/N]", keys="y\ny\n", exits=0)
    assert [hosts.printed(name) in said for name in hosts.servers] == [True] * 3
    assert said.count("[y/N]") == 2  # a host behind a jump host is seen once the jump host is trusted
    assert hosts.ssh_knows("h1", "127.0.0.1")
    assert hosts.ssh_knows("inner", "localhost")
    assert [key["state"] for key in hosts.looks()] == ["known"] * 3
    assert len(hosts.known.read_text().splitlines()) == 3


def test_a_no_writes_nothing(hosts: Hosts) -> None:
    assert "not confirmed" in hosts.operator.converses("trust", "-i", "inv.yml", asked="[y/N]", keys="n\n", exits=5)
    assert not hosts.known.exists()


def test_without_a_terminal_nothing_is_written(hosts: Hosts) -> None:
    said = hosts.trusts(exits=5)
    assert hosts.printed("h1") in said
    assert "cannot ask about the new keys without a terminal" in said
    assert not hosts.known.exists()


def test_yes_needs_the_fingerprint_of_every_new_host(hosts: Hosts) -> None:
    said = hosts.trusts("--yes", "--fingerprint", f"h1={hosts.printed('h1')}", exits=5)
    assert "no fingerprint was given for h2; nothing was written" in said
    assert not hosts.known.exists()
    (hosts.folder / "expected").write_text(
        "# by the provider\n" + "".join(f"{name} {hosts.printed(name)}\n" for name in hosts.servers)
    )
    hosts.trusts("--yes", "--fingerprints", "expected")
    assert [key["state"] for key in hosts.looks()] == ["known"] * 3


def test_a_key_that_is_not_the_expected_one_is_refused(hosts: Hosts) -> None:
    said = hosts.trusts("--yes", "--fingerprint", f"h1={hosts.printed('h2')}", exits=5)
    assert f"h1 presents {hosts.printed('h1')}, not {hosts.printed('h2')}; nothing was written" in said
    assert not hosts.known.exists()


def test_a_changed_key_is_never_accepted_and_what_to_compare_is_said(hosts: Hosts) -> None:
    other = Path(f"{make_key(hosts.folder / 'other')}.pub").read_text().split()
    hosts.known.write_text(f"[127.0.0.1]:{hosts.servers['h2'].port} {other[0]} {other[1]}\n")
    said = hosts.trusts("--yes", *hosts.expected(), exits=3)
    assert "host key changed" in said
    assert "ssh-keygen -lf" in said
    assert hosts.printed("h2") in said
    assert hosts.known.read_text().count(str(hosts.servers["h2"].port)) == 1


def test_json_has_every_key_and_a_dead_host_does_not_hold_up_the_others(hosts: Hosts) -> None:
    hosts.servers["h2"].port = free_port()
    hosts.write()
    done = hosts.operator.types("trust", "-i", "inv.yml", "--json", "--yes", *hosts.expected(), exits=3)
    found = {key["host"]: key for key in json.loads(done[: done.index("}\n") + 1])["hosts"]}
    assert [found[name]["state"] for name in hosts.servers] == ["accepted", "not seen", "accepted"]
    assert found["h1"]["fingerprint"] == hosts.printed("h1")
    assert "connection refused" in found["h2"]["reason"]


def test_unknown_keys_are_one_line_a_host_and_one_command(hosts: Hosts) -> None:
    """C10: the code is that of refused logins, and each failure is printed once."""
    said = hosts.operator.types("status", "-i", "inv.yml", exits=3)
    lines = said.splitlines()
    for name in ("h1", "h2"):
        assert [line for line in lines if hosts.printed(name) in line and line.startswith(f"{name} failed: ")]
    assert lines[-2:] == [
        "error: no host can be used: h1, h2: host key unknown; inner: its jump host h1 failed",
        "hint: see the keys of all hosts and accept them at once: swarmnet trust -i inv.yml",
    ]


@pytest.mark.parametrize("wrong", ["h1", "h1=MD5:aa", "h1=SHA256:short", "=SHA256:" + "a" * 43])
def test_a_fingerprint_that_is_none_is_refused(hosts: Hosts, wrong: str) -> None:
    assert "is not HOST=SHA256" in hosts.trusts("--fingerprint", wrong, exits=2)
