"""The report of ``swarmnet ipam``, ready for any format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.report.documents.ipam import ipam_document
from swarmnet.report.formats.report import Check, Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.ipam import ipam_lines

if TYPE_CHECKING:
    from swarmnet.model.addresses import AddressReport, NetworkAddresses


def ipam_report(report: AddressReport, *, whole: bool) -> Report:
    """Return the addresses: a check for each network, and for each host that did not answer."""
    hosts = (Check("host", one.host, Status.INCONCLUSIVE, one.reason, one.hint or "") for one in report.failures)
    networks = [_check(one) for one in report.networks]
    return Report(
        command="ipam",
        document=ipam_document(report),
        checks=(*networks, *hosts) or (Check("cluster", report.cluster, Status.OK, "there are no networks"),),
        print_to=printed(ipam_lines(report, whole=whole)),
    )


def _check(one: NetworkAddresses) -> Check:
    name = one.network if one.host is None else f"{one.network} on {one.host}"
    if one.is_full:
        advice = "recreate it with a larger subnet, or lower the replicas of its services"
        return Check(
            "network",
            name,
            Status.FAILED,
            f"{count(one.waiting, 'task waits', 'tasks wait')} for an address, none is free",
            advice,
        )
    left = "" if one.free is None else f", {one.free} free"
    return Check("network", name, Status.OK, f"{count(one.used, 'address', 'addresses')} used{left}")
