"""What a kernel says of queues and filters: none is not the same as a list that it could not give."""

from __future__ import annotations

import errno
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from swarmnet.probe import netlink
from swarmnet.probe.cards import cards
from swarmnet.probe.listeners import listening

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUEUES, FILTERS = 38, 46
KIND = 1


class Kernel:
    """A kernel whose loopback has a queue ``clsact``, and that refuses some requests."""

    def __init__(self, **refused: int) -> None:
        """Remember the error number for ``queues`` and ``filters``."""
        self._refused = refused

    def ask(self, _family: int, kind: int, _flags: int, _body: bytes) -> Iterator[memoryview]:
        """Answer as :func:`swarmnet.probe.netlink.ask`."""
        refused = self._refused.get({QUEUES: "queues", FILTERS: "filters"}[kind])
        if refused is not None:
            raise OSError(refused, "refused")
        if kind == QUEUES:
            queue = struct.pack("=BxxxiIII", socket.AF_UNSPEC, socket.if_nametoindex("lo"), 0xFFFF0000, 0xFFFFFFF1, 0)
            name = b"clsact\0"
            yield memoryview(queue + struct.pack("=HH", 4 + len(name), KIND) + name)


@pytest.mark.parametrize("what", ["queues", "filters"])
def test_a_kernel_that_was_built_without_them_has_none(what: str) -> None:
    assert cards(Kernel(**{what: errno.EOPNOTSUPP}).ask) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOBUFS, errno.EMFILE, errno.EINVAL])
@pytest.mark.parametrize("what", ["queues", "filters"])
def test_a_list_that_the_kernel_does_not_give_is_not_an_empty_list(what: str, number: int) -> None:
    with pytest.raises(OSError, match="refused") as caught:
        cards(Kernel(**{what: number}).ask)
    assert caught.value.errno == number


def test_this_kernel_says_that_nothing_handles_a_request_as_it_would_without_queues() -> None:
    unused = 200
    with pytest.raises(OSError, match="not supported") as caught:
        list(netlink.ask(netlink.ROUTE, unused, netlink.DUMP, bytes(20)))
    assert caught.value.errno == errno.EOPNOTSUPP


def test_an_error_at_the_end_of_a_list_is_raised() -> None:
    statistics_without_a_mask = 94  # RTM_GETSTATS: the kernel begins the list, and ends it with EINVAL
    with pytest.raises(OSError, match="Invalid argument"):
        list(netlink.ask(netlink.ROUTE, statistics_without_a_mask, netlink.DUMP, bytes(12)))


def test_a_table_of_sockets_that_cannot_be_read_is_not_a_missing_one(tmp_path: Path) -> None:
    assert listening(str(tmp_path)) == {"sockets": [], "ipvs": False}
    (tmp_path / "tcp").mkdir()
    with pytest.raises(IsADirectoryError):
        listening(str(tmp_path))
