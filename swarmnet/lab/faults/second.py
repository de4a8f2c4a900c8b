"""A second card, on another subnet: a host with two addresses to choose from."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from typing import TYPE_CHECKING, Annotated

from swarmnet.errors import UsageError
from swarmnet.lab.faults.family import Family
from swarmnet.lab.faults.options import CIDR, Option, Options

if TYPE_CHECKING:
    from swarmnet.lab.faults.family import FaultTarget
    from swarmnet.lab.state import HostRecord, LabRecord

DEFAULT_SUBNET = IPv4Network("198.18.0.0/24")
"""A network for tests between devices (RFC 2544): neither engines nor machines use it by themselves."""
_ADDRESS = 'set -e; ip address replace "$1" broadcast + dev eth1; ip link set eth1 up'
_FIRST_HOST = 10


class SecondOptions(Options):
    """Where the card is."""

    subnet: Annotated[IPv4Network, Option(f"network of the card; default {DEFAULT_SUBNET}", CIDR)] = DEFAULT_SUBNET


class SecondInterface(Family[SecondOptions]):
    """``eth1`` on a switch of its own: reachable for hosts that have a second card too, and for no other.

    The address is the subnet's, with the host's number counted from 10: .11 for the first host of the lab. It is
    there again after a boot, as a card and its settings are.
    """

    kind = "second"
    summary = "plug in a second card, on another --subnet: a multi-homed host"
    example = f"m1 second --subnet {DEFAULT_SUBNET}"
    options = SecondOptions
    renewed = True

    def check(self, options: SecondOptions, host: HostRecord, record: LabRecord) -> None:
        """Refuse a subnet that is the lab's, or has no room for the host."""
        subnet = options.subnet
        if subnet.overlaps(record.subnet):
            raise UsageError(f"--subnet {subnet} overlaps the lab's own {record.subnet}", hint="choose another one")
        if _number(host) >= subnet.num_addresses - 1:
            raise UsageError(f"--subnet {subnet} has no address for {host.name}", hint="choose a /24")

    def describe(self, options: SecondOptions) -> str:
        """Say where it is."""
        return f"has a second interface in {options.subnet}"

    def put(self, options: SecondOptions, target: FaultTarget) -> None:
        """Plug the card in and give it its address."""
        target.kind.second_card(target.host, plugged=True)
        target.does(_ADDRESS, str(_second_address(options, target.host)), doing="set up its second card")

    def take_back(self, options: SecondOptions, target: FaultTarget) -> None:
        """Take the card out."""
        del options
        target.kind.second_card(target.host, plugged=False)


def _second_address(options: SecondOptions, host: HostRecord) -> IPv4Interface:
    """Return the address that the fault gives to the host's second card."""
    subnet = options.subnet
    return IPv4Interface(f"{subnet[_number(host)]}/{subnet.prefixlen}")


def _number(host: HostRecord) -> int:
    return _FIRST_HOST + int(host.port.removeprefix("port"))
