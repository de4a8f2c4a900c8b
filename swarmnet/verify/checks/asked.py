"""Questions that several checks share: files of the host, its distribution, and what guards its ports."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.verify import keys
from swarmnet.verify.scenario import HostCommand

if TYPE_CHECKING:
    from swarmnet.verify.scenario import Answers

RELEASE, MACHINE, MEMORY = "/etc/os-release", "/etc/machine-id", "/proc/meminfo"
UFW = "/etc/ufw/ufw.conf"
CONFIGS = ("/etc/docker/daemon.json", "/var/snap/docker/current/config/daemon.json")
PATHS = (RELEASE, MACHINE, MEMORY, UFW, *CONFIGS)
"""Files that anyone may read; one command prints all that exist."""
FILES, UNITS = keys.command("files"), keys.command("units")
WATCHED_UNITS = ("firewalld.service", "nftables.service")


def files(host: str) -> HostCommand:
    """Return the question for the files."""
    return HostCommand(host, FILES.name, ("grep", "-sH", "", *PATHS))


def units(host: str) -> HostCommand:
    """Return the question for which firewall services run; hosts without systemd answer with none."""
    return HostCommand(host, UNITS.name, ("systemctl", "is-active", *WATCHED_UNITS))


def lines(answers: Answers, host: str, path: str) -> tuple[str, ...] | None:
    """Return the lines of one of the files; None where it does not exist, is empty, or could not be read."""
    ended = FILES.read(answers, host)
    found = (
        [line[len(path) + 1 :] for line in ended.stdout.splitlines() if line.startswith(f"{path}:")] if ended else []
    )
    return tuple(found) or None


def settings(answers: Answers, host: str, path: str) -> dict[str, str]:
    """Return a file of ``NAME=value`` lines; quotes around values are left out."""
    parts = (line.partition("=") for line in lines(answers, host, path) or ())
    return {name.strip(): value.strip().strip("\"'") for name, equals, value in parts if equals}


class Family(StrEnum):
    """Distributions that are kept alike."""

    DEBIAN = "debian"
    RHEL = "rhel"
    SUSE = "suse"
    OTHER = "other"


KINDS = {
    Family.DEBIAN: frozenset({"debian", "ubuntu"}),
    Family.RHEL: frozenset({"rhel", "fedora", "centos", "rocky", "almalinux", "amzn"}),
    Family.SUSE: frozenset({"suse", "opensuse", "sles"}),
}
"""Words of ``ID`` and ``ID_LIKE`` in ``/etc/os-release``."""


def distribution(answers: Answers, host: str) -> tuple[str, ...]:
    """Return what the host's distribution is called, and then what it is like."""
    release = settings(answers, host, RELEASE)
    return (release.get("ID", ""), *release.get("ID_LIKE", "").split())


def family(answers: Answers, host: str) -> Family:
    """Return what the host's distribution is like."""
    words = {*distribution(answers, host)}
    return next((one for one, names in KINDS.items() if words & names), Family.OTHER)


class Front(StrEnum):
    """What people set up a host's firewall with."""

    UFW = "ufw"
    FIREWALLD = "firewalld"
    NFTABLES = "nftables"
    IPTABLES = "iptables"


def front(answers: Answers, host: str) -> Front:
    """Return what guards the host, as far as files and units show; iptables where nothing else does."""
    if settings(answers, host, UFW).get("ENABLED", "").lower() == "yes":
        return Front.UFW
    ended = UNITS.read(answers, host)
    states = dict(zip(WATCHED_UNITS, ended.stdout.split() if ended else (), strict=False))
    if states.get("firewalld.service") == "active":
        return Front.FIREWALLD
    return Front.NFTABLES if states.get("nftables.service") == "active" else Front.IPTABLES


def opening(kind: Front, protocol: str, port: int | None, peer: str, *, chain: str = "INPUT") -> tuple[str, ...]:
    """Return the commands that let a packet of a peer in, by what the host's firewall is set up with."""
    out = chain == "OUTPUT"
    if kind is Front.UFW:
        way, end = ("out", "to") if out else ("in", "from")
        if port is None:
            return (f"ufw allow {way} proto {protocol} {end} {peer}",)
        target = f"to {peer} port {port}" if out else f"from {peer} to any port {port}"
        return (f"ufw allow {way} proto {protocol} {target}",)
    if kind is Front.FIREWALLD and not out:
        what = f"--add-protocol={protocol}" if port is None else f"--add-port={port}/{protocol}"
        return (f"firewall-cmd --permanent {what}", "firewall-cmd --reload")
    six = ":" in peer
    if kind is Front.NFTABLES:
        side = "daddr" if out else "saddr"
        what = f"meta l4proto {protocol}" if port is None else f"{protocol} dport {port}"
        return (f"nft insert rule inet filter {chain.lower()} ip{'6' * six} {side} {peer} {what} accept",)
    number = "" if port is None else f" --dport {port}"
    return (f"{iptables(peer)} -I {chain} {'-d' if out else '-s'} {peer} -p {protocol}{number} -j ACCEPT",)


def iptables(address: str) -> str:
    """Return the program that filters packets to and from an address."""
    return "ip6tables" if ":" in address else "iptables"
