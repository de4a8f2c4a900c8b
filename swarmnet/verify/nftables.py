"""Read what ``nft -j list ruleset`` prints, as rules that :mod:`swarmnet.verify.packet_filter` walks; the only reader.

A table of nftables is brought into the form of one of iptables: each chain at a hook of the kernel becomes the chain of
that hook. What has no counterpart (sets by name, maps, limits) may or may not meet a packet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from swarmnet.model.base import objects_of
from swarmnet.verify.iptables import Rule, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue

RAW = -200
"""Priority at which the kernel looks for the connection of a packet: chains before know none."""
UNKNOWN = "--nft"
"""An option that no rule of iptables has: whether it is met is not known."""
_FAMILIES = ("ip", "inet", "netdev")
_HOOKS = {"prerouting": "PREROUTING", "input": "INPUT", "forward": "FORWARD", "output": "OUTPUT"}
_HOOKS.update({"ingress": "INGRESS", "egress": "EGRESS"})
_AT_CARD = {"INGRESS": "-i", "EGRESS": "-o"}
"""Hooks of single devices, with the option that names the device."""
_FIELDS = {
    ("ip", "saddr"): "-s",
    ("ip", "daddr"): "-d",
    ("ip", "protocol"): "-p",
    **{(protocol, "dport"): "--dport" for protocol in ("tcp", "udp", "th")},
    **{(protocol, "sport"): "--sport" for protocol in ("tcp", "udp", "th")},
}
_METAS = {"l4proto": "-p", "iif": "-i", "iifname": "-i", "oif": "-o", "oifname": "-o"}
_ENDS = {
    "accept": "ACCEPT",
    "drop": "DROP",
    "reject": "REJECT",
    "return": "RETURN",
    "queue": "NFQUEUE",
    "vmap": "NFQUEUE",
}
_REWRITES = frozenset({"masquerade", "snat"})
_NOTHING = frozenset({"counter", "log", "comment", "notrack", "mangle"})
"""What decides nothing of a packet."""


@dataclass(frozen=True, slots=True)
class Hooked:
    """One chain at a hook of the kernel, with the chains that it may lead to."""

    family: str
    table: str
    chain: str
    as_table: str
    """The table of iptables that the kernel walks at that time: raw, mangle or filter."""
    rules: Table
    """With the chain of the hook by its name in iptables."""


@lru_cache(maxsize=64)
def parse(text: str, left_out: frozenset[str]) -> tuple[Hooked, ...]:
    """Return the chains at hooks, in the kernel's order.

    Args:
        text: what was printed.
        left_out: tables of the family ip that iptables writes, which its own reader knows better.
    """
    entries = _entries_of(text)
    chains: dict[tuple[str, str], dict[str, list[Rule]]] = {}
    bases = []
    for entry in entries:
        kind, value = next(iter(entry.items()), ("", None))
        if not isinstance(value, dict) or value.get("family") not in _FAMILIES:
            continue
        place = _place(value)
        if _is_iptables(place, left_out):
            continue
        if kind == "chain":
            chains.setdefault(place, {}).setdefault(str(value.get("name")), [])
            bases += (
                [(place, value)] if value.get("hook") in _HOOKS and value.get("type") in ("filter", "route") else []
            )
        elif kind == "rule":
            name = str(value.get("chain"))
            chains.setdefault(place, {}).setdefault(name, []).extend(_rules(name, value))
    return tuple(
        _hooked(place, value, chains[place]) for place, value in sorted(bases, key=lambda one: _priority(one[1]))
    )


def rewrites_sources(text: str, left_out: frozenset[str]) -> bool:
    """Return whether any rule that is not iptables' gives packets another source address."""
    rules = [one["rule"] for one in _entries_of(text) if isinstance(one.get("rule"), dict)]
    return any(
        isinstance(rule, dict)
        and rule.get("family") in _FAMILIES
        and not _is_iptables(_place(rule), left_out)
        and _REWRITES & _statements(rule)
        for rule in rules
    )


def _entries_of(text: str) -> list[JsonObject]:
    try:
        listed: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return objects_of(listed.get("nftables")) if isinstance(listed, dict) else []


def _place(value: JsonObject) -> tuple[str, str]:
    return str(value.get("family")), str(value.get("table"))


def _is_iptables(place: tuple[str, str], left_out: frozenset[str]) -> bool:
    return place[0] == "ip" and place[1] in left_out


def _statements(rule: JsonObject) -> set[str]:
    found = rule.get("expr")
    return {str(kind) for one in (found if isinstance(found, list) else []) if isinstance(one, dict) for kind in one}


def _priority(chain: JsonObject) -> int:
    found = chain.get("prio")
    return found if isinstance(found, int) else 0


def _hooked(place: tuple[str, str], chain: JsonObject, chains: dict[str, list[Rule]]) -> Hooked:
    name, hook = str(chain.get("name")), _HOOKS[str(chain["hook"])]
    rules = {other: tuple(several) for other, several in chains.items()}
    table = "raw" if _priority(chain) < RAW else "mangle" if hook == "PREROUTING" else "filter"
    policy = str(chain.get("policy") or "accept").upper()
    if hook in _AT_CARD:
        device = chain.get("dev")
        names = [str(one) for one in device] if isinstance(device, list) else [str(device)]
        # A policy is one of these devices alone; a rule at the end says the same.
        last = Rule(name, ("-j", "DROP" if policy == "DROP" else "ACCEPT"))
        mine = [replace(one, words=(_AT_CARD[hook], dev, *one.words)) for dev in names for one in (*rules[name], last)]
        return Hooked(*place, name, hook.lower(), Table({**rules, hook: tuple(mine)}, {hook: "ACCEPT"}))
    return Hooked(*place, name, table, Table({**rules, hook: rules[name]}, {hook: policy}))


def _rules(chain: str, value: JsonObject) -> Iterator[Rule]:
    """Yield the rules that one of nftables stands for: a map is one for each of its entries."""
    statements, number = value.get("expr"), value.get("handle")
    handle = number if isinstance(number, int) else 0
    words: list[str] = []
    for one in statements if isinstance(statements, list) else []:
        kind, what = next(iter(one.items()), ("", None)) if isinstance(one, dict) else ("", None)
        entries = _entries(what) if kind == "vmap" else None
        if entries is not None:
            for entry in entries:
                yield Rule(chain, (*words, *entry), handle=handle)
            return
        words += _words(kind, what)
    yield Rule(chain, tuple(words), handle=handle)


def _entries(value: JsonValue) -> list[tuple[str, ...]] | None:
    """Return the words of each entry of a map; None for one whose key or entries have no counterpart."""
    option, implied = _option(value.get("key")) if isinstance(value, dict) else (None, ())
    data = value.get("data") if isinstance(value, dict) else None
    several = data.get("set") if isinstance(data, dict) else None
    if not option or not isinstance(several, list):
        return None
    found: list[tuple[str, ...]] = []
    for one in several:
        pair = one if isinstance(one, list) and len(one) == 2 and isinstance(one[1], dict) else None  # noqa: PLR2004
        wanted = _right(pair[0], option) if pair is not None else None
        if pair is None or wanted is None:
            return None
        kind, what = next(iter(pair[1].items()), ("", None)) if isinstance(pair[1], dict) else ("", None)
        found.append((*implied, option, wanted, *_words(kind, what)))
    return found


def _words(kind: str, value: JsonValue) -> Iterator[str]:
    if kind == "match" and isinstance(value, dict):
        yield from _match(value)
    elif kind in ("jump", "goto") and isinstance(value, dict):
        yield from ("-j" if kind == "jump" else "-g", str(value.get("target")))
    elif kind in _ENDS:
        yield from ((UNKNOWN, kind) if kind == "vmap" else ())
        yield from ("-j", _ENDS[kind])
    elif kind not in _NOTHING:
        yield from (UNKNOWN, kind)


def _match(value: JsonObject) -> Iterator[str]:
    left, right = value.get("left"), value.get("right")
    option, implied = _option(left)
    yield from implied
    wanted = _right(right, option)
    if option is None or wanted is None or value.get("op") not in ("==", "in", "!="):
        yield from (UNKNOWN, "match")
        return
    yield from ("!",) if value["op"] == "!=" else ()
    yield from (option, wanted)


FAMILY = "--nfproto"
"""An option that no rule of iptables has: the version of IP."""
_VERSIONS = {"ip": "ipv4", "ip6": "ipv6"}
"""How nft writes it of frames at a device."""


def _option(left: JsonValue) -> tuple[str | None, tuple[str, ...]]:
    """Return the option of iptables for what is compared, and what else that asks for."""
    kind, value = next(iter(left.items()), ("", None)) if isinstance(left, dict) else ("", None)
    if not isinstance(value, dict):
        return None, ()
    key, protocol = str(value.get("key")), str(value.get("protocol"))
    if kind == "payload":
        implied = ("-p", protocol) if protocol not in ("ip", "th") else ()
        return _FIELDS.get((protocol, str(value.get("field")))), implied
    if kind == "ct":
        return {"state": "--ctstate", "status": "--ctstatus"}.get(key), ()
    if kind == "meta" and key == "ipsec":
        return "--pol", ()
    return (FAMILY if key in ("nfproto", "protocol") else _METAS.get(key)) if kind == "meta" else None, ()


def _right(right: JsonValue, option: str | None) -> str | None:
    """Return what is compared with, as iptables writes it; None where that has no counterpart."""
    if option == "--pol":
        return {True: "ipsec", False: "none"}.get(right) if isinstance(right, bool) else None
    several = right.get("set") if isinstance(right, dict) and "set" in right else right
    parts = [_part(one, option) for one in (several if isinstance(several, list) else [several])]
    known = [one for one in parts if one is not None]
    if len(known) < len(parts) or (known[1:] and option in ("-i", "-o")):
        return None
    return ",".join(known)


def _part(one: JsonValue, option: str | None) -> str | None:
    if isinstance(one, dict):
        prefix, span = one.get("prefix"), one.get("range")
        if isinstance(prefix, dict):
            return f"{prefix.get('addr')}/{prefix.get('len')}"
        if isinstance(span, list) and len(span) == 2 and option in ("--dport", "--sport"):  # noqa: PLR2004 - both ends
            return f"{span[0]}:{span[1]}"
        return None
    if isinstance(one, bool) or not isinstance(one, int | str) or str(one).startswith("@"):
        return None
    text = _VERSIONS.get(str(one), str(one)) if option == FAMILY else str(one)
    return f"{text[:-1]}+" if option in ("-i", "-o") and text.endswith("*") else text
