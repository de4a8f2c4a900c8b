"""Streams that are full, closed, or read by someone who has seen enough never end in a trace."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import SWARMNET
from tests.support.waiting import await_from

FULL = Path("/dev/full")


def ended(argv: str, *, redirected: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with its streams redirected as a shell does it."""
    words = ["/bin/bash", "-o", "pipefail", "-c", f"exec {SWARMNET} {argv} {redirected}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.parametrize("argv", ["schema playbook", "plan nothing.yml -i nothing.yml --json"])
def test_a_full_disk_under_stdout_is_one_sentence(argv: str) -> None:
    done = ended(argv, redirected=f"> {FULL}")

    assert done.returncode in (1, 2)
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_missing_stream_changes_nothing_else(closed: str) -> None:
    done = ended("schema playbook", redirected=closed)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("{") == (">&-" not in closed.replace("2>&-", ""))


def test_a_reader_that_has_seen_enough_is_not_reported_as_an_error() -> None:
    words = f"{SWARMNET} schema playbook | head -c 1"
    done = subprocess.run(["/bin/bash", "-c", words], capture_output=True, text=True, check=False, timeout=240)

    assert (done.stdout, done.stderr) == ("{", "")


def _interrupted(words: list[str], *, when: str, reported: Path) -> tuple[int, list[str]]:
    """Press Ctrl-C as soon as Python reports that it loaded ``when``; return the exit code and the lines on stderr."""
    with reported.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-X", "importtime", SWARMNET, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
        )
        with process:
            await_from(process, lambda: f"| {when}\n" in reported.read_text().replace(" " * 2, ""))
            process.send_signal(signal.SIGINT)
            process.wait(timeout=240)
    lines = reported.read_text().splitlines()
    return process.returncode, [line for line in lines if not line.startswith("import time:")]


@pytest.mark.parametrize("loaded", ["swarmnet.cli.__main__", "swarmnet.parse.inventory"])
def test_ctrl_c_says_interrupted_and_nothing_else_whatever_runs(tmp_path: Path, loaded: str) -> None:
    # Both documents come from a stdin without input: the second moment is that of reading it.
    ended_by = _interrupted(["plan", "-", "-i", "-"], when=loaded, reported=tmp_path / "stderr")

    assert ended_by == (130, ["interrupted"])


def _pressed(before: str) -> tuple[int, str]:
    """Press Ctrl-C in a script around the program that has loaded its beginning; return exit code and stderr."""
    script = f"import signal, time\n{before}\nimport swarmnet.cli.__main__\nprint('on', flush=True)\ntime.sleep(2)\n"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=240)
    return process.returncode, said


def test_ctrl_c_in_the_script_that_the_installer_wrote_says_interrupted_too() -> None:
    assert _pressed(before="") == (130, "interrupted\n")


def test_who_ignores_ctrl_c_as_nohup_does_goes_on() -> None:
    assert _pressed(before="signal.signal(signal.SIGINT, signal.SIG_IGN)") == (0, "")


def test_the_end_of_the_program_searches_no_garbage() -> None:
    """The search through every object that was ever loaded costs a tenth of a second of each run."""
    script = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count() > len(gc.get_objects())));"
        "from swarmnet.cli.__main__ import start; sys.argv = ['swarmnet', '--version']; start()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=240)

    assert (done.returncode, done.stdout.splitlines()[1:]) == (0, ["True"])
