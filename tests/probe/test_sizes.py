"""The search for the largest packet that passes: its laws on a path in memory, its sockets over loopback."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.probe.sizes import SILENT, SMALLEST, Sized, ask_all, largest
from tests.support import slow_peers

needs_icmp = pytest.mark.lab  # its sockets need root where the kernel's ping_group_range is empty
FULL = 1500


@dataclass
class Path:
    """Carries packets of up to ``width`` bytes; the first try of some sizes falls into a moment that loses it."""

    width: int
    unlucky: frozenset[int] = frozenset()
    """The how-manieth new sizes these are."""
    tried: set[int] = field(default_factory=set)

    def passes(self, size: int) -> str:
        is_lost = size not in self.tried and len(self.tried) in self.unlucky
        self.tried.add(size)
        return SILENT if is_lost or size > self.width else ""

    def loses(self, size: int, smaller: int, until: float) -> bool:
        del until
        return size > self.width >= smaller


def soon() -> float:
    return time.monotonic() + 60


@given(width=st.integers(SMALLEST, FULL), unlucky=st.frozensets(st.integers(1, 15)))
def test_a_moment_without_answers_never_makes_a_path_narrower_than_it_is(width: int, unlucky: frozenset[int]) -> None:
    path = Path(width, unlucky | {0})
    assert path.passes(FULL) == SILENT
    assert largest(path, FULL, soon()) == (width, True)


def test_a_path_on_which_not_even_a_small_packet_passes_has_no_size() -> None:
    assert largest(Path(SMALLEST - 1), FULL, time.monotonic()) == (0, True)


def test_a_search_that_has_no_time_left_says_that_its_size_is_not_exact() -> None:
    assert largest(Path(1400), FULL, time.monotonic()) == (SMALLEST, False)


@needs_icmp
def test_peers_that_are_asked_side_by_side_are_all_answered() -> None:
    targets: dict[str, object] = {f"p{number}": f"127.0.0.{number}" for number in range(1, 20)}
    targets |= {f"six{number}": "::1" for number in range(1, 4)}
    found = ask_all(targets, 1400, time.monotonic() + 5)
    whole = {"ok": True, "why": "", "largest": 1400, "exact": True, "beyond": "", "tries": 1}
    counts = {"sent", "answered"}
    said = {
        label: {key: value for key, value in one.items() if key not in counts}
        for label, one in found.items()
        if isinstance(one, dict)
    }
    assert said == dict.fromkeys(targets, whole)


@needs_icmp
def test_what_goes_out_and_what_is_answered_is_counted_over_all_sizes() -> None:
    sized = Sized("127.0.0.1")
    try:
        assert (sized.passes(100), sized.passes(1400)) == ("", "")
        with_answers = (sized.sent, sized.answered)
        sized.passes(70000)
    finally:
        sized.close()
    assert with_answers[0] >= with_answers[1] >= 2
    assert (sized.sent, sized.answered) == with_answers, "what this host itself refuses does not go out"


@needs_icmp
def test_an_answer_that_came_while_this_process_had_no_turn_counts() -> None:
    with closing(Sized("127.0.0.1")) as sized:
        assert sized.passes(1400, (0.0,) * 500) == ""


@needs_icmp
def test_what_passes_in_one_search_does_not_count_in_another() -> None:
    with closing(Sized("127.0.0.1")) as one, closing(Sized("127.0.0.1")) as other:
        assert other.passes(1400) == ""
        heard = one._echo.socket
        assert all(one._echo.receive() is None for _ in range(3) if select.select([heard], [], [], 0.1)[0])


def found_of_slow_peers(width: int) -> set[tuple[object, ...]]:
    argv = ["unshare", "-n", sys.executable, "-m", slow_peers.__name__, str(width), "20"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return {(one["ok"], one["largest"], one["exact"]) for one in json.loads(done.stdout).values()}


@needs_icmp
@pytest.mark.parametrize("width", [slow_peers.SIZE, slow_peers.SIZE - 1, 1300])
def test_peers_that_rarely_have_a_turn_are_not_a_narrow_path(width: int) -> None:
    assert found_of_slow_peers(width) == {(width == slow_peers.SIZE, width, True)}
