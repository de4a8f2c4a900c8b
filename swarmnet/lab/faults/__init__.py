"""What ``lab break`` can do to a host, one file a family; :data:`FAMILIES` is the list of them.

Families are written in terms of :class:`swarmnet.lab.hosts.kinds.HostKind` and the switch, so that they work alike on
hosts of every kind. A new kind of fault is one file here and one line in the list.

Faults end as real ones do: a boot brings back rules, forwarding entries, clocks and frozen engines, and the journal
then no longer lists them; cables, disks and identities stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.block import Block
from swarmnet.lab.faults.clock import SkewedClock
from swarmnet.lab.faults.disk import FullDisk
from swarmnet.lab.faults.engine import FrozenEngine, StoppedEngine
from swarmnet.lab.faults.fdb import LostForwarding
from swarmnet.lab.faults.identity import ClonedIdentity
from swarmnet.lab.faults.link import CutLink, NarrowLink
from swarmnet.lab.faults.netem import BadLine
from swarmnet.lab.faults.power import PowerCut, Reboot
from swarmnet.lab.faults.rules import FlushedRules
from swarmnet.lab.faults.second import SecondInterface

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import Family
    from swarmnet.lab.state import Fault, LabRecord

FAMILIES: dict[str, Family] = {
    family.kind: family
    for family in (
        PowerCut(),
        Reboot(),
        FullDisk(),
        StoppedEngine(),
        FrozenEngine(),
        CutLink(),
        NarrowLink(),
        BadLine(),
        Block(),
        SecondInterface(),
        ClonedIdentity(),
        SkewedClock(),
        FlushedRules(),
        LostForwarding(),
    )
}
"""Every kind of fault by its name, in the order in which they are healed."""

_OPTIONS = {"protocol": "proto", "delay_ms": "delay", "jitter_ms": "jitter", "rate_kbit": "rate", "skew_s": "by"}
"""Fields of a fault whose option on the command line has another name."""


def family_of(fault: Fault) -> Family:
    """Return how faults of this kind are made.

    Raises:
        UsageError: There is no such kind.
    """
    try:
        return FAMILIES[fault.kind]
    except KeyError:
        raise UsageError(f"there is no fault {fault.kind!r}", hint=f"choose from {', '.join(FAMILIES)}") from None


def check_options(fault: Fault, record: LabRecord) -> None:
    """Refuse an unknown host or kind, and options of other kinds.

    Raises:
        UsageError: Says which, and what there is.
    """
    record.host(fault.host)
    family = family_of(fault)
    strangers = fault.options() - family.takes
    if strangers:
        told = ", ".join(sorted(f"--{_OPTIONS.get(field, field)}" for field in strangers))
        owners = ", ".join(f"`{kind}`" for kind, other in FAMILIES.items() if strangers <= other.takes)
        raise UsageError(f"{told} belongs to {owners or 'other faults'}, not to `{fault.kind}`")


def check(fault: Fault, record: LabRecord) -> None:
    """Refuse a fault that makes no sense.

    Raises:
        UsageError: An unknown host or kind, or options that do not belong to it, are missing or cannot be.
    """
    check_options(fault, record)
    family_of(fault).check(fault, record)


def describe(fault: Fault) -> str:
    """Say in words what is broken where."""
    return f"{fault.host}: {family_of(fault).describe(fault)}"


def equal_place(one: Fault, other: Fault) -> bool:
    """Tell whether two faults cannot be there together: the later one replaces the earlier."""
    key = family_of(one).key
    return (one.host, one.kind) == (other.host, other.kind) and all(
        getattr(one, field) == getattr(other, field) for field in key
    )


def switch_rules(record: LabRecord) -> list[str]:
    """Return all rules of nftables that the faults of a lab are made of on its switch."""
    return [rule for fault in record.faults for rule in family_of(fault).rules(fault, record)]
