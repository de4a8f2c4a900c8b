from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.lab.machine.processes import ProcessIdentity

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab  # reads /proc, as labs do

SLEEP = ["sleep", "60"]


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\n"), max_size=15))
def test_a_process_is_identified_whatever_it_calls_itself(command: str) -> None:
    line = f"4242 ({command}) S 1 4242 4242 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 2 3"

    assert ProcessIdentity.from_stat(line) == ProcessIdentity(4242, 987654)


def test_a_running_process_is_alive_until_it_is_killed() -> None:
    with subprocess.Popen(SLEEP) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        assert identity.alive()

        identity.kill()

        process.wait(timeout=180)
        assert not identity.alive()


def test_a_stranger_with_the_same_pid_is_left_alone() -> None:
    with subprocess.Popen(SLEEP) as process:
        identity = ProcessIdentity.of(process.pid)
        assert identity is not None
        former = ProcessIdentity(identity.pid, identity.started - 1)

        former.kill()

        assert not former.alive()
        assert process.poll() is None
        process.kill()


def test_a_zombie_is_not_alive() -> None:
    # Without its argument it ends at once; it is not collected until the end of the test.
    process = subprocess.Popen(SLEEP[:1], stderr=subprocess.DEVNULL)
    identity = ProcessIdentity.of(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert identity is not None
    assert not identity.alive()
    process.wait()


@pytest.mark.parametrize("text", [None, "", "half a li", "12 (x) S 1"])
def test_a_record_that_is_missing_or_half_written_identifies_no_process(tmp_path: Path, text: str | None) -> None:
    record = tmp_path / "init.stat"
    if text is not None:
        record.write_text(text)

    assert ProcessIdentity.recorded_in(record) is None
