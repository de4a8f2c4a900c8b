"""Everything that filters packets on one host: both back ends of iptables, legacy and nft, and tables of nftables.

The kernel walks all of them, and a packet that one of them drops is lost.
The engine and ``iptables-save`` know the one to which the name ``iptables`` leads. A rule in the other one is not seen
there, and still drops packets; after a change of the back end, the engine's rules of before stay in the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.verify import keys, nftables
from swarmnet.verify.cards import CHAINS, cards_of
from swarmnet.verify.iptables import EMPTY, parse
from swarmnet.verify.keys import SAVE, SAVE_6
from swarmnet.verify.packet_filter import Filter
from swarmnet.verify.scenario import HostCommand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.verify.iptables import Ruleset
    from swarmnet.verify.scenario import Answers

OTHER, NATIVE = keys.command("rules/other"), keys.command("rules/native")
LEGACY, NFT, NFTABLES, TC = "legacy", "nft", "nftables", "tc"
IPTABLES, IP6TABLES = "iptables", "ip6tables"
TABLES = ("raw", "mangle", "filter")
ENGINES = "DOCKER-USER"
"""A chain that every engine makes."""
_READ_OTHER = f"""
case $(readlink -f "$(command -v iptables-save)") in
*nft*) test -n "$(cat /proc/net/ip_tables_names)" && echo {LEGACY} && exec iptables-legacy-save -c ;;
*) echo {NFT} && exec iptables-nft-save -c ;;
esac
"""
"""Says which one the other back end is, then prints its rules; legacy tables that nothing uses stay unloaded."""


@dataclass(frozen=True, slots=True)
class BackEnd:
    """The rules of one back end on a host."""

    tables: Mapping[str, Filter]
    name: str = ""
    """``legacy`` or ``nft``; empty for the one to which ``iptables`` leads; ``nftables`` for what is not iptables', and
    ``tc`` for what sits at a network device."""
    is_engines: bool = True
    """Whether the engine writes its rules here."""
    has_engine_rules: bool = False
    native: tuple[str, str] = ("", "")
    """Family and table of nftables, whose chain at one hook this is; device and way of tc; empty for iptables."""
    family: str = IPTABLES
    """``ip6tables`` for rules of IPv6."""

    @property
    def program(self) -> str:
        """What changes these rules."""
        return f"{self.family}-{self.name}" if self.name else self.family


def at_cards(answers: Answers, host: str) -> tuple[BackEnd, ...]:
    """Return the filters at each network device of a host whose match is known."""
    found = cards_of(answers, host)
    return tuple(
        BackEnd({chain.lower(): Filter(one.rules)}, TC, is_engines=False, native=(one.device, way))
        for one in found
        for way, chain in CHAINS.items()
        if one.rules.chains[chain]
    )


def read_others(host: str) -> tuple[HostCommand, HostCommand]:
    """Return the questions for the rules of the other back end, and for those that are not iptables'."""
    return (
        HostCommand(host, OTHER.name, ("sh", "-c", _READ_OTHER), sudo=True),
        HostCommand(host, NATIVE.name, ("nft", "-j", "list", "ruleset"), sudo=True),
    )


def back_ends(answers: Answers, host: str) -> tuple[BackEnd, ...]:
    """Return what could be read on a host, ``iptables`` first; none where its filter table is not iptables'."""
    own = SAVE.read(answers, host) or {}
    if "filter" not in own:
        return ()
    name, other = other_rules(answers, host)
    mine, left = _is_engines(own), _is_engines(other)
    found = [BackEnd(_filters(own), is_engines=mine or not left, has_engine_rules=mine)]
    if any(table.rules for table in other.values()):
        found.append(BackEnd(_filters(other), name, is_engines=left and not mine, has_engine_rules=left))
    return (*found, *_native(answers, host, frozenset({*own, *other})))


def back_ends_by_ipv6(answers: Answers, host: str) -> tuple[BackEnd, ...]:
    """Return what ``ip6tables`` filters on a host, nothing where no table is in use; none where it could not be read.

    Older engines write no rules of IPv6, so that there may be no table (20.10 and 26.1; 28.5 does). The other back end
    and tables of nftables are not read: what they drop, only packets show.
    """
    own = SAVE_6.read(answers, host)
    return () if own is None else (BackEnd(_filters(own), family=IP6TABLES),)


def _native(answers: Answers, host: str, iptables: frozenset[str]) -> Iterator[BackEnd]:
    """Yield each chain of nftables at a hook, those left out that iptables writes; none where nft is not there."""
    ended = NATIVE.read(answers, host)
    for one in nftables.parse(ended.stdout, iptables) if ended is not None and ended.succeeded else ():
        table = {one.as_table: Filter(one.rules)}
        yield BackEnd(table, NFTABLES, is_engines=False, native=(one.family, one.table))


def other_rules(answers: Answers, host: str) -> tuple[str, Ruleset]:
    """Return the name of the other back end and its tables; empty where it has none, or could not be read."""
    ended = OTHER.read(answers, host)
    if ended is None or not ended.succeeded:
        return "", {}
    name, _, text = ended.stdout.partition("\n")
    return (name, parse(text)) if name in (LEGACY, NFT) else ("", {})


def _filters(ruleset: Ruleset) -> dict[str, Filter]:
    return {name: Filter(ruleset[name]) for name in TABLES if name in ruleset}


def _is_engines(ruleset: Ruleset) -> bool:
    return ENGINES in ruleset.get("filter", EMPTY).chains
