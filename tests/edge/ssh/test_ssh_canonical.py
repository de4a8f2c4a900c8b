"""``CanonicalizeHostname``: full names, judged by ``ssh -G`` over an ``/etc/hosts`` of the test's own."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.ssh.config import SSHConfig, config_files
from swarmnet.edge.ssh.criteria import Criteria
from swarmnet.errors import UsageError
from tests.support.openssh import SSH, operator

if TYPE_CHECKING:
    import socket
    from pathlib import Path

ADDRESSES = {
    "web.lab.test.": "real.prod.test",
    "db.lab.test.": "db.lab.test.",
    "a.b.lab.test.": "a.b.lab.test.",
    "full.test.": "full.test.",
    "short": "alias.prod.test",
}
"""Names that have an address, and their canonical names. The resolver is asked with a dot at the end."""
IN_LAB = "CanonicalizeHostname yes\nCanonicalDomains absent.invalid lab.test\n"
FOLLOW = "CanonicalizePermittedCNAMEs *.lab.test,short:*.prod.test\n"
LATER = "Match canonical host *.lab.test\n User in-lab\nMatch canonical host *.prod.test\n User in-prod\n"

CASES = {
    "the first domain that has it": IN_LAB + LATER,
    "an alias that may be followed": IN_LAB + FOLLOW + LATER,
    "an alias that may not be followed": IN_LAB + "CanonicalizePermittedCNAMEs *.lab.test:*.other\n" + LATER,
    "an alias without domains": FOLLOW + LATER,
    "a name with a dot at its end": "HostName full.test.\n" + IN_LAB,
    "too many dots": "HostName a.b\nCanonicalizeMaxDots 0\n" + IN_LAB,
    "enough dots": "HostName a.b\n" + IN_LAB + LATER,
    "behind a jump host": "ProxyJump gate\n" + IN_LAB + LATER,
    "behind a jump host, always": "ProxyJump gate\nCanonicalizeHostname always\n" + IN_LAB + LATER,
    "behind no jump host": "ProxyJump none\n" + IN_LAB + LATER,
    "behind a command": "ProxyCommand nc %h %p\n" + IN_LAB + LATER,
    "no domain has it": IN_LAB.replace("lab.test", "more.invalid") + LATER,
    "an address": "HostName 10.0.0.1\nCanonicalizeMaxDots 9\n" + IN_LAB,
    "off": "CanonicalizeHostname no\n" + IN_LAB + FOLLOW,
}
FOR_SHORT = ("an alias without domains", "off")


def resolve(name: str, _family: socket.AddressFamily) -> str | None:
    found = ADDRESSES.get(name)
    return None if found is None else found.removesuffix(".")


def by_us(config: Path, host: str) -> list[str]:
    reading = SSHConfig(config_files(str(config), os.environ), Criteria(operator(), os.environ), resolve)
    options, name = reading.look_up(host)
    user = options.get("user")
    return [f"hostname {name}", f"user {user.first if user else operator().user}"]


def by_ssh(config: Path, host: str, hosts: Path) -> list[str]:
    """Ask the real ssh, which sees another ``/etc/hosts``: in a mount namespace of its own."""
    lines = (
        f"10.9.8.{number} {canonical} {name}" if canonical != name else f"10.9.8.{number} {name}"
        for number, (name, canonical) in enumerate(ADDRESSES.items(), 1)
    )
    hosts.write_text("\n".join(lines) + "\n")
    script = f"mount --bind {shlex.quote(str(hosts))} /etc/hosts && exec {SSH} -G -F {shlex.quote(str(config))} {host}"
    apart = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    done = subprocess.run(
        [*apart, "sh", "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    return sorted(line for line in done.stdout.splitlines() if line.startswith(("hostname ", "user ")))


@pytest.mark.parametrize("host", ["web", "db", "short"])
@pytest.mark.parametrize("case", CASES)
def test_a_name_becomes_the_one_that_ssh_finds(tmp_path: Path, case: str, host: str) -> None:
    text = CASES[case]
    if case in FOR_SHORT and host != "short":
        text = f"Match host short\n {text}"  # ssh ends when a name whose alias it may follow has no address
    (tmp_path / "config").write_text(text)
    assert by_us(tmp_path / "config", host) == by_ssh(tmp_path / "config", host, tmp_path / "hosts")


def test_a_name_that_no_domain_has_is_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"{IN_LAB}CanonicalizeFallbackLocal no\n")
    assert by_us(tmp_path / "config", "web")[0] == "hostname web.lab.test"
    with pytest.raises(UsageError, match=rf"{tmp_path}/config:3: mail is in none of the CanonicalDomains"):
        by_us(tmp_path / "config", "mail")


def test_a_jump_host_of_the_inventory_resolves_the_name_itself(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(IN_LAB)
    reading = SSHConfig(config_files(str(tmp_path / "config"), os.environ), Criteria(operator(), os.environ), resolve)
    assert [reading.look_up("web", proxied=proxied)[1] for proxied in (False, True)] == ["web.lab.test", "web"]
