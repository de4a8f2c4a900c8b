"""The search for the largest packet that passes, over loopback."""

from __future__ import annotations

import time

import pytest

from swarmnet.probe.sizes import SMALLEST, Sized, ask_all

pytestmark = pytest.mark.lab  # ICMP sockets need root where the kernel's ping_group_range is empty


def test_peers_that_are_asked_side_by_side_are_all_answered() -> None:
    targets: dict[str, object] = {f"p{number}": f"127.0.0.{number}" for number in range(1, 20)}
    found = ask_all("run", targets, 1400, time.monotonic() + 3)
    whole = {"ok": True, "why": "", "largest": 1400, "exact": True, "beyond": "", "tries": 1}
    assert found == dict.fromkeys(targets, whole)


def test_a_search_that_has_no_time_left_says_that_its_size_is_not_exact() -> None:
    sized = Sized("run", "127.0.0.1")
    try:
        assert sized.largest(1400, time.monotonic()) == (SMALLEST, False)
        assert sized.largest(1400, time.monotonic() + 5) == (1399, True)
    finally:
        sized.close()
