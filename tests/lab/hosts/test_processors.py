"""Kernels of their own each run on one of the machine's processors, evenly spread."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.lab.hosts.processors import allowed, mask, spread
from swarmnet.lab.state import HostRecord

if TYPE_CHECKING:
    from swarmnet.lab.state import KernelKind


def host(kernel: KernelKind = "own", *, processor: int | None = None) -> HostRecord:
    return HostRecord(
        name="m1",
        address=IPv4Address("10.213.0.11"),
        mac="02:00:00:00:00:01",
        port="port1",
        engine="26.1",
        root=Path("/root"),
        role="manager",
        kernel=kernel,
        processor=processor,
    )


def test_each_kernel_goes_where_fewest_are() -> None:
    placed = spread([host(), host(), host()], others=[host(processor=4), host(processor=4)], processors=(4, 7))
    assert [one.processor for one in placed] == [7, 7, 4]


def test_hosts_on_the_machines_kernel_run_anywhere() -> None:
    placed = spread([host("shared"), host(), host("shared")], others=[], processors=(0, 1))
    assert [one.processor for one in placed] == [None, 0, None]


def test_labs_on_processors_that_are_not_for_this_process_do_not_count() -> None:
    (placed,) = spread([host()], others=[host(processor=9), host("shared")], processors=(0, 1))
    assert placed.processor == 0


def test_a_processor_that_may_no_longer_be_used_gives_way_to_all() -> None:
    assert mask(host(processor=allowed()[0])) == str(allowed()[0])
    assert mask(host(processor=9999)) == ",".join(map(str, allowed()))
