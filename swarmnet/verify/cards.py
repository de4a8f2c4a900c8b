"""What sits at a host's network devices and may drop packets: filters of tc, queues, XDP programs. Pure.

Filters whose match is known are brought into the form of rules of iptables, which
:mod:`swarmnet.verify.packet_filter` walks. Of all others it is only known that they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.base import objects_of
from swarmnet.model.plural import count
from swarmnet.verify.iptables import Rule, Table
from swarmnet.verify.kernels import kernel_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answers

CHAINS = {"in": "INGRESS", "out": "EGRESS"}
NETEM = "netem"
"""The queue that can lose packets on purpose."""
UNKNOWN = "--tc"
"""An option that no rule of iptables has: whether it is met is not known."""
_IPV4, _ALL = 0x0800, 0x0003
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 50: "esp"}
_PASS, _RECLASSIFY, _DROP, _PIPE, _STOLEN, _NEXT = 0, 1, 2, 3, 4, -1
"""What ``gact`` does (``TC_ACT_*`` of ``linux/pkt_cls.h``)."""
_HARMLESS = frozenset({"skbedit", "csum", "connmark", "ctinfo", "sample", "simple"})
"""Actions that let packets pass as they are."""
_LOSES_ALL = 0.999
_WHOLE = 0xFFFF
_EVERY_BIT = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that may drop packets, and nothing proves that it drops any of the swarm's."""

    device: str
    way: str
    """``in`` or ``out``: which packets it sees."""
    words: str
    command: str
    """What takes it away."""


@dataclass(frozen=True, slots=True)
class Card:
    """One device with what sits there."""

    device: str
    above: frozenset[str]
    """Devices that send by this one."""
    rules: Table
    seen: tuple[Seen, ...]

    def carries(self, device: str) -> bool:
        """Return whether what a device sends or receives passes here."""
        return device == self.device or device in self.above


def cards_of(answers: Answers, host: str) -> tuple[Card, ...]:
    """Return the devices of a host at which something sits; none where that is not known."""
    found = (kernel_of(answers, host) or {}).get("cards")
    return tuple(_card(one) for one in objects_of(found))


def unread_at(answers: Answers, host: str) -> str:
    """Return why it is not known what sits at the devices of a host; empty where it is, or the host was not asked."""
    why = (kernel_of(answers, host) or {}).get("unread")
    return str(why) if why else ""


def _card(value: JsonObject) -> Card:
    device, above = str(value.get("device")), value.get("above")
    filters = [one for one in objects_of(value.get("filters")) if one.get("protocol") in (_IPV4, _ALL)]
    chains: dict[str, list[Rule]] = {name: [] for name in CHAINS.values()}
    for one in filters:
        rule = _rule(device, one)
        chains[rule.chain].append(rule)
    seen = [found for one in filters if (found := _unproved(device, one)) is not None]
    program = value.get("xdp")
    if isinstance(program, int):
        words, command = f"an XDP program (id {program})", f"ip link set dev {device} xdp off"
        seen.append(Seen(device, "in", words, command))
    for queue in objects_of(value.get("queues")):
        if _share(queue) >= _LOSES_ALL:
            chains["EGRESS"].append(Rule("EGRESS", ("-o", device, "--comment", NETEM, "-j", "DROP")))
        elif _share(queue) or (queue.get("dropped") and queue.get("kind") not in ("clsact", "ingress")):
            seen.append(Seen(device, "out", _lossy(queue), f"tc qdisc del dev {device} root"))
    names = frozenset(map(str, above)) if isinstance(above, list) else frozenset[str]()
    return Card(device, names, Table({name: tuple(rules) for name, rules in chains.items()}), tuple(seen))


def _rule(device: str, value: JsonObject) -> Rule:
    """Return a filter as a rule: ``--comment`` has its kind, the handle its priority."""
    way, priority = str(value.get("way")), value.get("priority")
    words = ("-i" if way == "in" else "-o", device, "--comment", str(value.get("kind")), *_words(value), *_end(value))
    return Rule(CHAINS.get(way, CHAINS["in"]), words, handle=priority if isinstance(priority, int) else 0)


def _words(value: JsonObject) -> tuple[str, ...]:
    """Return what a filter matches as options of iptables, ``UNKNOWN`` where that has no counterpart."""
    keys, fields = value.get("keys"), value.get("fields")
    if value.get("all"):
        return ()
    if isinstance(keys, list):
        return tuple(word for key in keys for word in _of_key(key))
    return tuple(_of_fields(fields)) if isinstance(fields, dict) else (UNKNOWN, "match")


def _of_key(key: JsonValue) -> tuple[str, ...]:
    """Return what one key of u32 asks of an IPv4 header without options, and of the ports behind it."""
    numbers = [one for one in key if isinstance(one, int)] if isinstance(key, list) else []
    if len(numbers) != 3:  # noqa: PLR2004 - offset, mask, value
        return (UNKNOWN, "key")
    offset, mask, value = numbers
    if offset in (12, 16) and (block := _block(value, mask)) is not None:
        return ("-s" if offset == 12 else "-d", block)  # noqa: PLR2004 - as in RFC 791
    found = {
        (0, 0xF0000000, 0x40000000): (),
        (0, 0x0F000000, 0x05000000): (),
        (8, 0x00FF0000, value): ("-p", _protocol(value >> 16)),
        (20, _WHOLE, value): ("--dport", str(value)),
        (20, _WHOLE << 16, value): ("--sport", str(value >> 16)),
        (20, _EVERY_BIT, value): ("--sport", str(value >> 16), "--dport", str(value & _WHOLE)),
    }
    return found.get((offset, mask, value), (UNKNOWN, "key"))


def _of_fields(fields: JsonObject) -> Iterator[str]:
    """Yield what a flower filter asks."""
    known = {name: number for name, number in fields.items() if isinstance(number, int)}
    if known.get("eth_type", _IPV4) != _IPV4:
        yield from ("!", "-p", "all")
    if "ip_proto" in known:
        yield from ("-p", _protocol(known["ip_proto"]))
    for name, option in (("src", "-s"), ("dst", "-d")):
        if name in known:
            block = _block(known[name], known.get(f"{name}_mask", _EVERY_BIT))
            yield from (option, block) if block is not None else (UNKNOWN, name)
    for name, option in (("sport", "--sport"), ("dport", "--dport")):
        if name in known:
            whole = known.get(f"{name}_mask", _WHOLE) == _WHOLE
            yield from (option, str(known[name])) if whole else (UNKNOWN, name)


def _protocol(number: int) -> str:
    return _PROTOCOLS.get(number, str(number))


def _block(value: int, mask: int) -> str | None:
    """Return an address and mask as a CIDR; None for a mask with holes."""
    length = mask.bit_count()
    if mask != (_EVERY_BIT << (32 - length)) & _EVERY_BIT:
        return None
    return f"{'.'.join(str(value >> shift & 0xFF) for shift in (24, 16, 8, 0))}/{length}"


def _end(value: JsonObject) -> tuple[str, ...]:
    """Return what becomes of a packet that meets a filter, as iptables would say it; nothing where it goes on."""
    if value.get("kind") == "bpf":
        return ("-j", "NFQUEUE")
    for action in objects_of(value.get("actions")):
        verdict = action.get("verdict")
        if action.get("kind") in _HARMLESS or verdict == _PIPE:
            continue
        if action.get("kind") != "gact" or verdict in (None, _RECLASSIFY):
            return ("-j", "NFQUEUE")
        return {_DROP: ("-j", "DROP"), _NEXT: ()}.get(verdict if isinstance(verdict, int) else _PASS, ("-j", "ACCEPT"))
    return ("-j", "ACCEPT")


def _unproved(device: str, value: JsonObject) -> Seen | None:
    """Return a filter that may drop what it meets, where it is not known what that is, or whether it does."""
    words, end = _words(value), _end(value)
    if not ("NFQUEUE" in end or ("DROP" in end and UNKNOWN in words)):
        return None
    way, kind, name = str(value.get("way")), str(value.get("kind")), value.get("name")
    actions = dict.fromkeys(str(one.get("kind")) for one in objects_of(value.get("actions")))
    does = f" with {', '.join(actions)}" if actions else ""
    label = f" {name}" if isinstance(name, str) and name else ""
    return Seen(device, way, f"a filter of tc ({kind}{label}{does})", removal(device, way, _rule(device, value)))


def removal(device: str, way: str, rule: Rule) -> str:
    """Return the command that takes away what a rule stands for."""
    if rule.value("--comment") == NETEM:
        return f"tc qdisc del dev {device} root"
    return f"tc filter del dev {device} {'ingress' if way == 'in' else 'egress'} pref {rule.handle}"


def describe(device: str, way: str, rule: Rule) -> str:
    """Return in words what a rule stands for, and where it sits."""
    if rule.value("--comment") == NETEM:
        return f"the queue netem at {device} loses all that is sent"
    sees = "comes in" if way == "in" else "goes out"
    return f"a filter of tc at {device}, for what {sees} ({rule.value('--comment')}, preference {rule.handle})"


def _share(queue: JsonObject) -> float:
    loss = queue.get("loss")
    return float(loss) if isinstance(loss, int | float) else 0.0


def _lossy(queue: JsonObject) -> str:
    share, dropped = _share(queue), queue.get("dropped")
    so_far = count(dropped if isinstance(dropped, int) else 0, "packet")
    loses = f" that loses {share:.0%} of what is sent" if share else ""
    return f"the queue {queue.get('kind')}{loses} ({so_far} so far)"
