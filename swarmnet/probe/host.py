"""What the kernel of a host does with packets between hosts: forwarding, reverse path filters, its VXLAN devices."""

from __future__ import annotations

from swarmnet.probe import netlink

FOLDER = "/proc/sys/net/ipv4"
ALL = "all"


def _number(path: str) -> int | None:
    try:
        with open(f"{FOLDER}/{path}", encoding="ascii") as text:
            return int(text.read())
    except (OSError, ValueError):
        return None


def kernel() -> dict[str, object]:
    """Return what can stop packets, as far as this kernel shows.

    Returns:
        ``forward`` (``net.ipv4.ip_forward``); ``filters``, the effective reverse path filter of each device, which is
        the larger of its own and that of ``all`` (``ip-sysctl.rst``); ``devices``, the device of each own address;
        ``tunnels``, the VNI of each VXLAN device of the host's own namespace.
    """
    links = netlink.links()
    common = _number(f"conf/{ALL}/rp_filter") or 0
    filters = {name: max(common, _number(f"conf/{name}/rp_filter") or 0) for name in links if "/" not in name}
    return {
        "forward": _number("ip_forward"),
        "filters": filters,
        "devices": {address: place.get("device") for address, place in netlink.places().items()},
        "tunnels": {name: link["vni"] for name, link in links.items() if "vni" in link},
    }
