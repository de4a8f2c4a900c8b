"""What the kernel of a host does with packets between hosts, and what else on the host may stop them."""

from __future__ import annotations

import struct
import time

from swarmnet.probe import cards, neighbours, netlink

SETTINGS = "/proc/sys/net"
FOLDER = f"{SETTINGS}/ipv4"
ALL = "all"
_DROPS = ("drop", "insert_failed")


def _number(path: str, folder: str = FOLDER) -> int | None:
    try:
        with open(f"{folder}/{path}", encoding="ascii") as text:
            return int(text.read())
    except (OSError, ValueError):
        return None


def kernel() -> dict[str, object]:
    """Return what can stop packets, as far as this kernel shows.

    Returns:
        ``forward`` (``net.ipv4.ip_forward``); ``filters``, the effective reverse path filter of each device, which is
        the larger of its own and that of ``all`` (``ip-sysctl.rst``); ``devices``, the device of each own address, and
        ``macs``, its hardware address; ``fixed``, the permanent entries of its neighbour table; ``tunnels``, the VNI of
        each VXLAN device of the host's own namespace, and ``ports``, where it listens; ``connections``, how many the
        kernel tracks, the most that it can, and how often it could not; ``cards``, what sits at devices and may drop
        packets, or ``unread``, why that is not known; ``time``, in seconds since 1970.
    """
    links, places = netlink.links(), netlink.places()
    common = _number(f"conf/{ALL}/rp_filter") or 0
    filters = {name: max(common, _number(f"conf/{name}/rp_filter") or 0) for name in links if "/" not in name}
    return {
        "forward": _number("ip_forward"),
        "filters": filters,
        "devices": {address: place.get("device") for address, place in places.items()},
        "macs": {address: place.get("mac") for address, place in places.items()},
        "fixed": neighbours.fixed(),
        "tunnels": {name: link["vni"] for name, link in links.items() if "vni" in link},
        "ports": {name: link["port"] for name, link in links.items() if "port" in link},
        "connections": connections(),
        **_cards(),
        "time": time.time(),
    }


def _cards() -> dict[str, object]:
    try:
        return {"cards": cards.cards()}
    except OSError as error:
        return {"unread": error.strerror or str(error)}
    except (LookupError, ValueError, struct.error) as error:
        return {"unread": f"the kernel shows it in an unknown form ({type(error).__name__}: {error})"}


def connections() -> dict[str, object]:
    """Return ``count`` and ``most`` of the kernel's table of connections, and its ``drops``; empty without one."""
    count, most = (_number(f"netfilter/nf_conntrack_{what}", SETTINGS) for what in ("count", "max"))
    if count is None or most is None:
        return {}
    return {"count": count, "most": most, "drops": _dropped()}


def _dropped() -> int:
    """Return how many packets found no room in the table since the start, in this namespace."""
    try:
        with open("/proc/net/stat/nf_conntrack", encoding="ascii") as lines:
            rows = [line.split() for line in lines]
    except OSError:
        return 0
    columns = [rows[0].index(name) for name in _DROPS if name in rows[0]]
    return sum(int(row[column], 16) for row in rows[1:] for column in columns if column < len(row))
