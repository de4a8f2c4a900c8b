"""What sits at the network devices of a host and may drop packets before any firewall rule sees them: tc and XDP.

Read by netlink, so that hosts need no ``tc``. Layouts are those of ``linux/pkt_cls.h``, ``linux/pkt_sched.h`` and
``linux/if_link.h``.
"""

from __future__ import annotations

import errno
import socket
import struct

from swarmnet.probe import netlink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[int, int, int, bytes], Iterator[memoryview]]

_GET_QUEUE, _GET_FILTER = 38, 46
_NOT_BUILT = errno.EOPNOTSUPP
"""The answer of a kernel that was built without queues (CONFIG_NET_SCHED) or without filters (CONFIG_NET_CLS): nothing
handles the request then (``rtnetlink_rcv_msg`` in ``net/core/rtnetlink.c``). A device without filters is not an error:
the list is empty (``tc_dump_tfilter`` in ``net/sched/cls_api.c``)."""
_TC = struct.Struct("=BxxxiIII")
_KIND, _OPTIONS, _STATS = 1, 2, 7
_STATS_QUEUE = 3
_DROPS = 8
"""Where the number of drops is in ``gnet_stats_queue``."""
_WAYS = {"in": 0xFFFFFFF2, "out": 0xFFFFFFF3}
_PLAIN = frozenset(("noqueue", "pfifo_fast", "pfifo", "bfifo", "fq_codel", "fq", "mq", "codel", "cake", "sfq", "pie"))
"""Queues that only drop what a full line cannot take."""
_AT_DOORS = frozenset(("ingress", "clsact"))
_LOSS = 8
"""Where the share of lost packets is in ``tc_netem_qopt``."""
_ACTIONS = {"u32": 7, "flower": 3, "matchall": 2, "basic": 3, "bpf": 1, "fw": 4, "route": 6, "flow": 10}
"""Kind of filter to the attribute that holds its actions."""
_ACTION_KIND, _ACTION_OPTIONS = 1, 2
_GENERIC = {"gact": 2, "police": 1, "mirred": 2, "pedit": 2, "bpf": 2}
_RANDOM = 3
_U32_HASH, _U32_LINK, _U32_SEL, _U32_POLICE, _U32_INDEV, _U32_MARK = 2, 3, 5, 6, 8, 10
_U32_ROOT = 0x800
"""Number of the first table that every packet meets; filters lead to those with smaller numbers."""
_EMATCHES = 2
_BPF_NAME = 7
_FLOWER = {8: "eth_type", 9: "ip_proto", 10: "src", 11: "src_mask", 12: "dst", 13: "dst_mask"}
_FLOWER.update({18: "sport", 19: "dport", 20: "sport", 21: "dport"})
_FLOWER.update({35: "sport_mask", 36: "dport_mask", 37: "sport_mask", 38: "dport_mask"})
_FLOWER_SILENT = (1, 3, 22, 86)
"""Class, actions, flags and what the hardware does: they match nothing."""


def cards(ask: Ask = netlink.ask) -> list[dict[str, object]]:
    """Return the devices at which something sits that may drop packets; nothing of a host where nothing does.

    Args:
        ask: How the kernel is asked for queues and filters.

    Returns:
        For each ``device``: ``above``, the devices that send by it; ``xdp``, the id of a program; ``queues`` with
        ``kind``, ``dropped`` and, of netem, the share ``loss``; ``filters`` in their order with ``way`` (``in`` or
        ``out``), ``kind``, ``protocol``, ``priority``, what it matches (``keys`` of u32, ``fields`` of flower, ``all``;
        nothing where that is not known) and its ``actions``.

    Raises:
        OSError: The kernel has queues or filters, and does not list them.
    """
    links = netlink.links()
    names = {link["index"]: name for name, link in links.items()}
    queues: dict[str, list[dict[str, object]]] = {}
    filters: dict[str, list[dict[str, object]]] = {}
    for index, handle, kind, found in _queues(ask):
        name = names.get(index)
        if name is None or kind in _PLAIN:
            continue
        queues.setdefault(name, []).append(found)
        ways = _WAYS if kind in _AT_DOORS else {"out": handle}
        for way, parent in ways.items():
            if way == "in" or kind != "ingress":
                filters.setdefault(name, []).extend({"way": way, **one} for one in _filters(ask, index, parent))
    return [
        {
            "device": name,
            "above": _above(links, name),
            "xdp": links[name].get("xdp"),
            "queues": queues.get(name, []),
            "filters": filters.get(name, []),
        }
        for name in links
        if links[name].get("xdp") or filters.get(name) or any(map(_is_queue, queues.get(name, [])))
    ]


def _is_queue(one: dict[str, object]) -> bool:
    return one["kind"] not in _AT_DOORS


def _above(links: dict[str, dict[str, object]], name: str) -> list[str]:
    """Return the devices that send by another one: its bridge or bond, and VLANs on each of them."""
    by_index = {link["index"]: other for other, link in links.items()}
    found: list[str] = []
    new = [name]
    while new:
        one = new.pop()
        master = by_index.get(links[one].get("master"))
        ups = [other for other, link in links.items() if link.get("under") == links[one]["index"]]
        new += [up for up in (*ups, *([master] if master else [])) if up not in (name, *found, *new)]
        found += [one] if one != name else []
    return found


def _listed(ask: Ask, kind: int, body: bytes) -> Iterator[memoryview]:
    """Yield each message of a list; none where this kernel was built without what it lists."""
    try:
        yield from ask(netlink.ROUTE, kind, netlink.DUMP, body)
    except OSError as error:
        if error.errno != _NOT_BUILT:
            raise


def _queues(ask: Ask) -> Iterator[tuple[int, int, str, dict[str, object]]]:
    for message in _listed(ask, _GET_QUEUE, _TC.pack(socket.AF_UNSPEC, 0, 0, 0, 0)):
        _, index, handle, _, _ = _TC.unpack_from(message)
        parts = dict(netlink.attributes(message[_TC.size :]))
        kind = _text(parts.get(_KIND))
        found: dict[str, object] = {"kind": kind, "dropped": _dropped(parts)}
        if kind == "netem" and _OPTIONS in parts:
            found["loss"] = struct.unpack_from("=I", parts[_OPTIONS], _LOSS)[0] / 0xFFFFFFFF
        yield index, handle, kind, found


def _dropped(parts: dict[int, memoryview]) -> int:
    queue = dict(netlink.attributes(parts[_STATS])).get(_STATS_QUEUE) if _STATS in parts else None
    return int(struct.unpack_from("=I", queue, _DROPS)[0]) if queue is not None else 0


def _filters(ask: Ask, index: int, parent: int) -> Iterator[dict[str, object]]:
    """Yield the filters of one device and direction."""
    for message in _listed(ask, _GET_FILTER, _TC.pack(socket.AF_UNSPEC, index, 0, parent, 0)):
        _, _, handle, _, info = _TC.unpack_from(message)
        parts = dict(netlink.attributes(message[_TC.size :]))
        kind, options = _text(parts.get(_KIND)), parts.get(_OPTIONS)
        inner = dict(netlink.attributes(options)) if options is not None else {}
        if kind == "u32" and _U32_SEL not in inner and _U32_LINK not in inner:
            continue  # a table of such filters
        if handle or inner:
            yield {
                "kind": kind,
                "protocol": socket.ntohs(info & 0xFFFF),
                "priority": info >> 16,
                "actions": list(_actions(inner.get(_ACTIONS.get(kind, 0)))) + _old_police(kind, inner),
                **_matches(kind, inner),
            }


def _old_police(kind: str, inner: dict[int, memoryview]) -> list[dict[str, object]]:
    return [{"kind": "police"}] if kind == "u32" and _U32_POLICE in inner else []


def _matches(kind: str, inner: dict[int, memoryview]) -> dict[str, object]:
    """Return what a filter matches, as far as that is known here."""
    if kind == "matchall" or (kind == "basic" and _EMATCHES not in inner):
        return {"all": True}
    if kind == "u32":
        return _u32(inner)
    if kind == "flower":
        known = {
            _FLOWER[number]: int.from_bytes(bytes(value), "big") for number, value in inner.items() if number in _FLOWER
        }
        return {"fields": known} if set(inner) <= {*_FLOWER, *_FLOWER_SILENT} else {}
    return {"name": _text(inner.get(_BPF_NAME))} if kind == "bpf" else {}


def _u32(inner: dict[int, memoryview]) -> dict[str, object]:
    """Return ``keys``: offset in the packet, mask and value of each; nothing for filters that lead to others."""
    table = struct.unpack("=I", inner[_U32_HASH])[0] if _U32_HASH in inner else _U32_ROOT << 20
    if {_U32_LINK, _U32_INDEV, _U32_MARK} & set(inner) or table >> 20 < _U32_ROOT:
        return {}
    selector = inner[_U32_SEL]
    return {"keys": [_key(selector, 16 + 16 * number) for number in range(selector[2])]}


def _key(selector: memoryview, at: int) -> list[int]:
    """Return offset, mask and value of one key; its mask and value are in the order of the wire."""
    mask, value = struct.unpack_from("!II", selector, at)
    return [struct.unpack_from("=i", selector, at + 8)[0], mask, value]


def _actions(nested: memoryview | None) -> Iterator[dict[str, object]]:
    """Yield what a filter does: the kind, and of ``gact`` the verdict (``TC_ACT_*``) unless it is left to chance."""
    for _, action in netlink.attributes(nested) if nested is not None else ():
        parts = dict(netlink.attributes(action))
        kind = _text(parts.get(_ACTION_KIND))
        found: dict[str, object] = {"kind": kind}
        options = dict(netlink.attributes(parts[_ACTION_OPTIONS])) if _ACTION_OPTIONS in parts else {}
        generic = options.get(_GENERIC.get(kind, 0))
        if kind == "gact" and generic is not None and not _is_random(options):
            found["verdict"] = struct.unpack_from("=i", generic, 8)[0]
        yield found


def _is_random(options: dict[int, memoryview]) -> bool:
    return _RANDOM in options and struct.unpack_from("=H", options[_RANDOM])[0] != 0


def _text(value: memoryview | None) -> str:
    return bytes(value).rstrip(b"\0").decode(errors="replace") if value is not None else ""
