"""What this machine's kernel can do for a lab, found by trying; no version or configuration is read.

Each probe runs in network and mount namespaces of its own, which end with it. A kernel that can load
modules loads what a probe asks for, as it would for the engine.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from swarmnet.errors import LabError
from swarmnet.files import write_atomically
from swarmnet.lab.machine.cgroups import hierarchies
from swarmnet.lab.machine.commands import attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Need = Literal["lab", "engine", "proof"]
"""Without it: no lab at all; hosts run, but no overlay; the lab works, but cannot prove this."""


class Capability(BaseModel):
    """One thing that a kernel can or cannot do."""

    model_config = ConfigDict(frozen=True)

    name: str
    works: bool
    need: Need
    serves: str
    """What a lab can show with it, and not without it."""
    reason: str = ""
    """What the kernel said when it was tried; empty where it works."""


_SEVERAL: TypeAdapter[tuple[Capability, ...]] = TypeAdapter(tuple[Capability, ...])


@dataclass(frozen=True, slots=True)
class _Probe:
    name: str
    need: Need
    serves: str
    script: str


_PAIR = "ip link add name v0 type veth peer name v1 && "
_KEY = "0x" + "01" * 20
_PROBES = (
    _Probe("veth", "lab", "cables between hosts", f"{_PAIR}true"),
    _Probe("bridge", "lab", "the switch between hosts", "ip link add name b0 type bridge"),
    _Probe(
        "overlayfs",
        "lab",
        "root file systems of hosts",
        "mount -t tmpfs none /mnt && cd /mnt && mkdir l u w m && "
        "mount -t overlay none m -o lowerdir=l,upperdir=u,workdir=w",
    ),
    _Probe(
        "loop",
        "lab",
        "a disk for each host's engine",
        "mount -t tmpfs none /mnt && cd /mnt && mkdir m && truncate -s 8M d && mkfs.ext4 -q d && mount -o loop d m",
    ),
    _Probe("vxlan", "engine", "overlay networks across hosts", "ip link add name x0 type vxlan id 42 dstport 4789"),
    _Probe(
        "nat",
        "engine",
        "published ports and the way out of containers",
        "printf 'table ip t {\\nchain c {\\ntype nat hook postrouting priority 100\\nmasquerade\\n}\\n}\\n' | nft -f -",
    ),
    _Probe(
        "bridge filter",
        "proof",
        "`lab break HOST block`",
        "printf 'table bridge t {\\nchain c {\\ntype filter hook forward priority 0\\n"
        "udp dport 4789 counter drop\\n}\\n}\\n' | nft -f -",
    ),
    # Asking for the family is what loads the module, where there is one.
    _Probe("ipvs", "proof", "the routing mesh and virtual IPs of services", "genl ctrl get name IPVS"),
    _Probe(
        "esp",
        "proof",
        "encrypted overlay networks",
        "ip xfrm state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 1 reqid 1 mode transport "
        f"aead 'rfc4106(gcm(aes))' {_KEY} 64",
    ),
    _Probe("macvlan", "proof", "macvlan networks", f"{_PAIR}ip link add name m0 link v0 type macvlan mode bridge"),
    _Probe("ipvlan", "proof", "ipvlan networks", f"{_PAIR}ip link add name i0 link v0 type ipvlan"),
    _Probe("vlan", "proof", "802.1q networks", f"{_PAIR}ip link add name t0 link v0 type vlan id 7"),
    _Probe("netem", "proof", "delay, loss and rate limits", "tc qdisc add dev lo root netem delay 1ms"),
)
# Engines on a kernel of their own use the legacy iptables: that kernel has no nftables for IPv4.
_GUEST_NAT = _Probe(
    "nat", "engine", "published ports and the way out of containers", "iptables -t nat -A POSTROUTING -j MASQUERADE"
)

_MODULES = (
    *("overlay", "loop", "veth", "bridge", "br_netfilter", "vxlan", "macvlan", "ipvlan", "8021q"),
    *("ip_vs", "ip_vs_rr", "esp4", "xfrm_user", "xt_bpf", "xt_u32", "xt_policy", "xt_addrtype", "xt_conntrack"),
    *("xt_MASQUERADE", "xt_nat", "xt_mark", "xt_ipvs", "ip_tables", "iptable_nat", "iptable_filter", "ip_set"),
)


def kernel_capabilities() -> tuple[Capability, ...]:
    """Try everything and return what works and what does not; takes about a tenth of a second."""
    with ThreadPoolExecutor(2) as pool:
        return (*pool.map(_try, _PROBES), _control_groups())


def guest_capabilities(inside: Callable[[Sequence[str]], list[str]]) -> tuple[Capability, ...]:
    """Try what a host's own kernel adds for the engine; ``inside`` gives the argument list that runs one there.

    Switch and disks are the machine's, so only overlays, filters and what `need` calls proof are tried.
    """
    probes = [_GUEST_NAT if probe.name == "nat" else probe for probe in _PROBES if probe.need != "lab"]
    guest = [probe for probe in probes if probe.name != "bridge filter"]
    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(partial(_try, inside=inside), guest))


def read_capabilities(path: Path) -> tuple[Capability, ...]:
    """Return what :func:`write_capabilities` wrote."""
    return _SEVERAL.validate_json(path.read_bytes())


def write_capabilities(path: Path, found: tuple[Capability, ...]) -> None:
    """Keep what was found in a file, whole or not at all."""
    write_atomically(path, _SEVERAL.dump_json(found))


def load_modules() -> None:
    """Load what engines want from the kernel, where it comes as modules: a lab host has none to load.

    A missing module is not an error here; the tests show what works.
    """
    attempt(["modprobe", "--all", "--quiet", *_MODULES])


def require_lab_kernel() -> None:
    """Refuse a machine that cannot run labs.

    Raises:
        LabError: The kernel lacks something that every lab host is made of.
    """
    load_modules()
    probes = [probe for probe in _PROBES if probe.need == "lab"]
    with ThreadPoolExecutor(2) as pool:
        lacking = [c for c in (*pool.map(_try, probes), _control_groups()) if c.need == "lab" and not c.works]
    if lacking:
        reasons = "; ".join(f"{c.name} ({c.serves}): {c.reason}" for c in lacking)
        raise LabError(
            f"this machine cannot run a lab, it lacks {reasons}",
            hint="all other swarmnet commands work; create the lab on another machine or in a virtual machine",
        )


def _try(probe: _Probe, *, inside: Callable[[Sequence[str]], list[str]] = list) -> Capability:
    own = ["unshare", "--net", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", probe.script]
    done = attempt(inside(own), limit=30)
    works = done.exit_code == 0
    reason = "" if works else done.last_words(1)
    return Capability(name=probe.name, works=works, need=probe.need, serves=probe.serves, reason=reason)


def _control_groups() -> Capability:
    """Return whether the engine finds the controllers that it limits containers with."""
    present: set[str] = set()
    for hierarchy in hierarchies():
        if hierarchy.version == 1:
            present |= set(hierarchy.options)
        else:
            present |= set((hierarchy.mount / "cgroup.controllers").read_text(encoding="utf-8").split())
    lacking = sorted({"cpu", "memory", "pids"} - present)
    none_at_all = not hierarchies()
    return Capability(
        name="control groups",
        works=not lacking,
        need="lab" if none_at_all else "proof",
        serves="knowing every process of a lab" if none_at_all else "limits of services",
        reason=f"no controller for {', '.join(lacking)}" if lacking else "",
    )
