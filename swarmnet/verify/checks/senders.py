"""Hosts whose packets come from another address than theirs: kernels drop VXLAN of a sender that they do not know."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from swarmnet.verify import claims
from swarmnet.verify.checks.doors import ENDED
from swarmnet.verify.ids import CauseId
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.verify.scenario import Answers, Setup


def strange_senders(setup: Setup, answers: Answers) -> Iterator[Trouble]:
    """Yield hosts that others see under an address which the swarm will not know them by: NAT, or a second card."""
    planned = setup.planned
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for host in setup.watched:
        by_sender = (ENDED.read(answers, host) or {}).get("senders")
        for sender, address in by_sender.items() if isinstance(by_sender, dict) else ():
            if sender == host:
                continue  # the address of its peer is one of its own
            addresses = [planned.address(sender, is_data=data) for data in (False, True)] if planned else []
            # By the other version of IP, hosts have another address: that mixture is a finding of its own.
            known = {one for one in addresses if one and (":" in one) == (":" in str(address))}
            if known and address not in known:
                found[sender, str(address)].append(host)
    for (sender, address), hosts in found.items():
        own = planned.address(sender, is_data=True) if planned else ""
        yield Trouble(
            CauseId.OTHER_SENDER,
            (sender,),
            f"{', '.join(hosts)} {'see' if hosts[1:] else 'sees'} packets of {sender} from {address}, but it is to be"
            f" known as {own}: overlays drop what comes from an address that they do not know",
            f"write 'advertise: {address}' for {sender} in the inventory; where NAT is in between, connect the hosts by"
            " a private network or a VPN",
            broken=frozenset(claims.vxlan(sender, host) for host in hosts),
        )
