"""A second card, on another subnet: a host with two addresses to choose from."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import Fault, HostRecord, LabRecord

DEFAULT_SUBNET = IPv4Network("198.18.0.0/24")
"""A network for tests between devices (RFC 2544): neither engines nor machines use it by themselves."""
_ADDRESS = 'set -e; ip address replace "$1" broadcast + dev eth1; ip link set eth1 up'
_FIRST_HOST = 10


class SecondInterface(Family):
    """``eth1`` on a switch of its own: reachable for hosts that have a second card too, and for nobody else.

    The address is the subnet's, with the host's number counted from 10: .11 for the first host of the lab. It is
    there again after a boot, as a card and its settings are.
    """

    kind = "second"
    told = "plug in a second card, on another --subnet: a multi-homed host"
    takes = frozenset({"subnet"})
    renewed = True

    def check(self, fault: Fault, record: LabRecord) -> None:
        """Refuse a subnet that is the lab's, or has no room for the host."""
        subnet = fault.subnet or DEFAULT_SUBNET
        if subnet.overlaps(record.subnet):
            raise UsageError(f"--subnet {subnet} overlaps the lab's own {record.subnet}", hint="choose another one")
        if _number(record.host(fault.host)) >= subnet.num_addresses - 1:
            raise UsageError(f"--subnet {subnet} has no address for {fault.host}", hint="choose a /24")

    def describe(self, fault: Fault) -> str:
        """Say where it is."""
        return f"has a second interface in {fault.subnet or DEFAULT_SUBNET}"

    def put(self, fault: Fault, place: FaultTarget) -> None:
        """Plug the card in and give it its address."""
        place.kind.second_card(place.host, plugged=True)
        place.does(_ADDRESS, str(second_address(fault, place.host)), doing="set up its second card")

    def take_back(self, fault: Fault, place: FaultTarget) -> None:
        """Take the card out."""
        del fault
        place.kind.second_card(place.host, plugged=False)


def second_address(fault: Fault, host: HostRecord) -> IPv4Interface:
    """Return the address that the fault gives to the host's second card."""
    subnet = fault.subnet or DEFAULT_SUBNET
    return IPv4Interface(f"{subnet[_number(host)]}/{subnet.prefixlen}")


def _number(host: HostRecord) -> int:
    return _FIRST_HOST + int(host.port.removeprefix("port"))
