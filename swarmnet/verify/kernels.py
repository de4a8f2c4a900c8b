"""Questions about a host's kernel that several scenarios share: can it do ESP, and which neighbours does it know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.verify import keys
from swarmnet.verify.keys import ESP, NEIGHBOURS, WAYS, outcomes
from swarmnet.verify.scenario import ObserverTask, ProbeTask

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.verify.scenario import Answers

KERNEL, VXLAN = keys.value("kernel"), keys.command("vxlan")

LOOPBACK = "lo"
"""By which a kernel reaches addresses of its own."""

ESP_TRIAL = (
    *("unshare", "--net", "ip", "xfrm", "state", "add", "src", "192.0.2.1", "dst", "192.0.2.2", "proto", "esp"),
    *("spi", "0x1000", "mode", "transport", "aead", "rfc4106(gcm(aes))", "0x" + "00" * 20, "64"),
)
"""Tries ESP in a network namespace that ends with the command. The key is zeros and protects nothing."""
VXLAN_TRIAL = (
    *("unshare", "--net", "ip", "link", "add", "name", "trial", "type", "vxlan", "id", "1", "dstport", "4789"),
)
"""Tries VXLAN in a network namespace that ends with the command."""
NO_VXLAN = ("not supported", "unknown device type")
"""What ``ip link`` says where the kernel has no VXLAN, nor a module for it (iproute2 5.10 to 6.15)."""
NO_ESP = ("protocol not supported", "requested aead algorithm not found")
"""What ``ip xfrm`` says where the kernel has no ESP, or not its cipher (iproute2 6.1, kernels 6.1 and 6.18)."""


def without_vxlan(answers: Answers) -> frozenset[str]:
    """Return the hosts whose kernel refused a VXLAN device."""
    return frozenset(
        host
        for host in dict.fromkeys(host for host, _ in answers)
        if (ended := VXLAN.read(answers, host)) is not None
        and ended.exit
        and any(words in ended.stderr.lower() for words in NO_VXLAN)
    )


def without_esp(answers: Answers) -> frozenset[str]:
    """Return the hosts whose kernel refused an ESP state."""
    return frozenset(
        host
        for host in dict.fromkeys(host for host, _ in answers)
        if (ended := ESP.read(answers, host)) is not None and ended.exit and _says_no(ended.stderr)
    )


def _says_no(stderr: str) -> bool:
    return any(sentence in stderr.lower() for sentence in NO_ESP)


def neighbours(host: str) -> ProbeTask:
    """Return the question for what a probe's kernel knows of those it asked."""
    return ProbeTask(host, NEIGHBOURS.name, {"kind": "neighbours"})


def settings(host: str) -> ObserverTask:
    """Return the question for what a host's kernel does with packets, and what else may stop them there."""
    return ObserverTask(host, KERNEL.name, {"kind": "kernel"})


def kernel_of(answers: Answers, host: str) -> JsonObject | None:
    """Return what a host's kernel does with packets; None where that is not known."""
    said = KERNEL.read(answers, host)
    return said if said is not None and "forward" in said else None


def ways_out(answers: Answers, host: str) -> dict[str, JsonObject]:
    """Return the ways by which a host sends to each peer; without those that end on the host itself.

    They do where a host has the address of a peer on a device of its own (``address-of-peer``): the kernel's answer is
    that of its loopback device, with an MTU of 65536 and the peer's address as the source.
    """
    found, _problem = outcomes(answers, host, WAYS)
    return {peer: way for peer, way in found.items() if way.get("device") != LOOPBACK}
