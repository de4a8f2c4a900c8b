"""Whatever ends a lab, and whenever: nothing of it stays on the machine."""

from __future__ import annotations

import shutil
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import ExitCode
from tests.support.lab_traces import SWARMNET, command, lab_ids, settings, traces, wait_for_none
from tests.support.waiting import await_from

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

MOMENTS = {
    "the journal is written": "victim/lab.json",
    "the switch runs": "victim/switch.stat",
    "the first host starts": "victim/hosts/m1/console.log",
    "the last host boots": "victim/hosts/w1/init.stat",
}


@contextmanager
def starting(state: Path, moment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``lab up`` up to the moment in which a file appears, and hold it there: it must not get further meanwhile."""
    argv = [*SWARMNET, "lab", "up", "--name", "victim", "--hosts", "4"]
    with subprocess.Popen(argv, env=settings(state), stderr=subprocess.PIPE) as up:
        await_from(up, (state / moment).exists, every=0.002)
        up.send_signal(signal.SIGSTOP)
        yield up


def end(up: subprocess.Popen[bytes], by: signal.Signals) -> None:
    """Send a signal to a process that is held, and let it go on."""
    up.send_signal(by)
    up.send_signal(signal.SIGCONT)


def test_a_running_lab_leaves_the_traces_that_these_tests_look_for(tmp_path: Path) -> None:
    assert command("up", "--name", "seen", "--hosts", "1", state=tmp_path).returncode == 0
    ids = lab_ids(tmp_path)

    kinds = {trace.split(" ", 1)[0] for trace in traces(tmp_path, ids)}
    down = command("down", state=tmp_path)

    assert kinds == {"interface", "group", "process", "loop", "file"}
    assert (down.returncode, down.stdout) == (0, "removed: seen\n")
    assert wait_for_none(tmp_path, ids) == set()


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS.keys())
def test_down_all_removes_what_a_killed_up_left(tmp_path: Path, moment: str) -> None:
    with starting(tmp_path, moment) as up:
        up.kill()
    ids = lab_ids(tmp_path)

    down = command("down", "--all", state=tmp_path)

    assert (down.returncode, down.stdout) == (0, "removed: victim\n"), down.stderr
    assert wait_for_none(tmp_path, ids) == set()


@pytest.mark.parametrize("polite", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_removes_what_it_made(tmp_path: Path, polite: signal.Signals) -> None:
    with starting(tmp_path, MOMENTS["the first host starts"]) as up:
        ids = lab_ids(tmp_path)
        end(up, polite)
        up.communicate()

    assert up.returncode == 130
    assert wait_for_none(tmp_path, ids) == set()


def test_an_interrupted_up_that_cannot_remove_everything_ends_as_interrupted_and_says_so(tmp_path: Path) -> None:
    journal = tmp_path / "victim/lab.json"
    with starting(tmp_path, MOMENTS["the switch runs"]) as up:
        ids, whole = lab_ids(tmp_path), journal.read_text()
        journal.write_text("{")
        end(up, signal.SIGINT)
        said = up.communicate()[1].decode()
    journal.write_text(whole)
    command("down", "--all", state=tmp_path)

    assert up.returncode == 130, said
    assert "not all of it could be removed" in said
    assert wait_for_none(tmp_path, ids) == set()


def test_an_up_whose_terminal_is_closed_removes_what_it_made(tmp_path: Path) -> None:
    with starting(tmp_path, MOMENTS["the first host starts"]) as up:
        ids = lab_ids(tmp_path)
        assert up.stderr is not None
        up.stderr.close()
        end(up, signal.SIGHUP)
        up.wait()

    assert wait_for_none(tmp_path, ids) == set()


def test_the_status_names_a_lab_whose_up_was_killed(tmp_path: Path) -> None:
    with starting(tmp_path, MOMENTS["the switch runs"]) as up:
        up.kill()

    reported = command("status", state=tmp_path).stdout
    command("down", "--all", state=tmp_path)

    assert reported.startswith("lab victim (interrupted)")


def test_a_lab_that_someone_brings_up_right_now_is_not_taken_down(tmp_path: Path) -> None:
    with starting(tmp_path, MOMENTS["the journal is written"]) as up:
        down = command("down", "--name", "victim", state=tmp_path)
        end(up, signal.SIGINT)
        said = up.communicate()[1].decode()

    assert down.returncode == 11
    assert f"brought up by process {up.pid}" in down.stderr
    # It takes down what it made, for which it needs a lock that it holds itself until then.
    assert up.returncode != ExitCode.LOCKED, said


def test_down_all_finds_a_lab_whose_files_someone_removed_in_its_own_state_directory(tmp_path: Path) -> None:
    assert command("up", "--name", "lost", "--hosts", "1", state=tmp_path).returncode == 0
    ids = lab_ids(tmp_path)
    shutil.rmtree(tmp_path / "lost")

    of_others = command("down", "--all", state=tmp_path / "elsewhere")
    down = command("down", "--all", state=tmp_path)

    assert of_others.stdout == "removed: nothing\n"
    assert f"{next(iter(ids))} (its journal was lost)" in down.stdout
    assert wait_for_none(tmp_path, ids) == set()


def test_down_ends_a_lab_whose_hosts_were_broken(tmp_path: Path) -> None:
    command("up", "--name", "broken", "--hosts", "2", "--managers", "2", state=tmp_path)
    ids = lab_ids(tmp_path)
    for fault in (("m1", "kill"), ("m2", "link"), ("m2", "disk")):
        assert command("break", *fault, state=tmp_path).returncode == 0

    command("down", "--name", "broken", state=tmp_path)

    assert wait_for_none(tmp_path, ids) == set()
