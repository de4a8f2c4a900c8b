"""What ``lab break`` can do to a host, one file for each family; :data:`FAMILIES` lists them.

Families use :class:`swarmnet.lab.hosts.kinds.HostKind` and the switch, so they work the same on hosts of every kind. A
new kind of fault is one file here and one line in the list, options included: each family declares its own (see
:mod:`~swarmnet.lab.faults.options`), and the command line is built from them.

Faults end as real ones do: a boot brings back rules, forwarding entries, clocks and frozen engines, and the journal
then no longer lists them; cables, disks and identities stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmnet.errors import UsageError
from swarmnet.lab.faults.backend import DeadBackend
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

FAMILIES: dict[str, Family[Any]] = {
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
        DeadBackend(),
    )
}
"""Every kind of fault by its name, in the order in which they are healed."""


def family_of(fault: Fault) -> Family[Any]:
    """Return the family that makes faults of this kind.

    Raises:
        UsageError: The kind does not exist.
    """
    try:
        return FAMILIES[fault.kind]
    except KeyError:
        raise UsageError(f"there is no fault {fault.kind!r}", hint=f"choose from {', '.join(FAMILIES)}") from None


def check_pattern(fault: Fault, record: LabRecord) -> None:
    """Refuse an unknown host or kind, and options of other kinds.

    Raises:
        UsageError: The message names what is wrong, the hint what exists.
    """
    record.host(fault.host)
    strangers = set(fault.options) - _fields(family_of(fault))
    if strangers:
        owners = {kind: family for kind, family in FAMILIES.items() if strangers <= _fields(family)}
        flags = {one.field: one.flag for family in FAMILIES.values() for one in family.declared()}
        named = ", ".join(sorted(flags.get(field, f"--{field}") for field in strangers))
        kinds = ", ".join(f"`{kind}`" for kind in owners)
        raise UsageError(f"{named} belongs to {kinds or 'other faults'}, not to `{fault.kind}`")


def checked(fault: Fault, record: LabRecord) -> Fault:
    """Return a fault as the journal keeps it, with its defaults filled in.

    Raises:
        UsageError: An unknown host or kind, or options that belong to other kinds, are missing or out of range.
    """
    check_pattern(fault, record)
    family = family_of(fault)
    options = family.read(fault.options)
    family.check(options, record.host(fault.host), record)
    return fault.model_copy(update={"options": options.model_dump(mode="json", exclude_none=True)})


def describe(fault: Fault) -> str:
    """Return in words what is broken where."""
    family = family_of(fault)
    return f"{fault.host}: {family.describe(family.read(fault.options))}"


def equal_place(one: Fault, other: Fault) -> bool:
    """Return whether two faults conflict: the later one then replaces the earlier."""
    selecting = [option.field for option in family_of(one).declared() if option.option.selects]
    return (one.host, one.kind) == (other.host, other.kind) and all(
        one.options.get(field) == other.options.get(field) for field in selecting
    )


def rules_of(fault: Fault, record: LabRecord) -> list[str]:
    """Return the nftables rules that one fault needs on the switch of its lab."""
    family = family_of(fault)
    return family.rules(family.read(fault.options), record.host(fault.host), record)


def switch_rules(record: LabRecord) -> list[str]:
    """Return the nftables rules that all faults of a lab need on its switch."""
    return [rule for fault in record.faults for rule in rules_of(fault, record)]


def _fields(family: Family[Any]) -> set[str]:
    return {option.field for option in family.declared()}
