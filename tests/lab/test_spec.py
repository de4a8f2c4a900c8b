from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.errors import UsageError
from swarmnet.lab.layout import lay_out
from swarmnet.lab.roots.engines import ENGINES
from swarmnet.lab.spec import LabSpec

if TYPE_CHECKING:
    from collections.abc import Callable

ROOTS = {version: Path("/roots") / version for version in ENGINES}


@pytest.mark.parametrize(
    ("hosts", "managers", "names"),
    [
        (1, None, ["m1"]),
        (2, None, ["m1", "w1"]),
        (3, None, ["m1", "m2", "m3"]),
        (5, None, ["m1", "m2", "m3", "w1", "w2"]),
        (3, 1, ["m1", "w1", "w2"]),
    ],
)
def test_three_managers_come_first_where_there_are_three_hosts(
    hosts: int, managers: int | None, names: list[str]
) -> None:
    assert LabSpec(hosts=hosts, managers=managers).host_names() == names


def test_one_engine_serves_all_hosts_and_a_list_serves_each() -> None:
    mixed = LabSpec(hosts=3, engines=("26.1", "20.10", "28.5"), extras=("registry",))

    assert [release.version for release in LabSpec(hosts=2).releases().values()] == ["26.1", "26.1"]
    assert [release.version for release in mixed.releases().values()] == ["26.1", "20.10", "28.5", "26.1"]


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (lambda: LabSpec(hosts=0), "1 to 200 hosts, not 0"),
        (lambda: LabSpec(hosts=201), "1 to 200 hosts, not 201"),
        (lambda: LabSpec(name="../etc"), "cannot name a lab"),
        (lambda: LabSpec(name="UPPER"), "cannot name a lab"),
        (lambda: LabSpec(extras=("m1",)), "m1, m2, m3, m1: names must be unique"),
        (lambda: LabSpec(extras=("switch",)), "none may be switch"),
        (lambda: LabSpec(engines=("19.03",)), "no lab host can run engine '19.03'"),
        (lambda: LabSpec(engines=("26.1", "28.5")), "2 engines for 3 hosts"),
        (lambda: LabSpec(managers=4), "4 managers among 3 hosts"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(wish: Callable[[], LabSpec], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        wish()


@given(st.integers(1, 200))
def test_every_host_gets_a_port_a_card_and_an_address_of_its_own(count: int) -> None:
    spec = LabSpec(hosts=count, extras=("registry",))

    hosts = lay_out(spec, subnet=IPv4Network("10.9.0.0/16"), lab_id="0123abcd", roots=ROOTS)

    for attribute in ("name", "address", "mac", "port"):
        assert len({getattr(host, attribute) for host in hosts}) == count + 1
    assert all(len(host.port) <= 15 for host in hosts)
    # The second bit of the first octet says: locally administered, not a group.
    assert all(int(host.mac[:2], 16) & 3 == 2 for host in hosts)
    assert [host.role for host in hosts].count("none") == 1
