"""Commands on a host, against a real sshd: what goes in, what comes out, and that time-outs end them."""

from __future__ import annotations

import logging
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmnet.errors import CommandError, HostTimeoutError
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from swarmnet.edge.ssh.shell import Shell
    from tests.support.ssh_sessions import Fleet

pytestmark = pytest.mark.lab


@pytest.fixture
def shell(fleet: Fleet) -> Shell:
    fleet.host("h")
    return fleet.session().shell("h")


def processes(mark: str) -> list[str]:
    """Return the command lines on this machine (the host is this machine) that hold a mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in line:
            found.append(line)
    return found


def test_output_errors_and_status_come_back_apart(shell: Shell) -> None:
    done = shell.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_the_log_names_the_program_and_no_argument_or_input(shell: Shell, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "swarmnet.ssh")
    shell.run(["sh", "-c", "exit 7", "canary-argument"], stdin=b"canary-input")
    (line,) = [record.getMessage() for record in caplog.records if record.name == "swarmnet.ssh"]
    assert line.startswith("h: 'sh' -> status 7 in ")
    assert "canary" not in line


def test_a_command_that_is_not_there_is_a_status(shell: Shell) -> None:
    assert shell.run(["no-such-command"]).exit_code == 127


def test_an_end_by_signal_is_a_status(shell: Shell) -> None:
    assert shell.run(["sh", "-c", "kill -TERM $$"]).exit_code == 143


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12), max_size=4))
def test_every_argument_arrives_as_it_is(shell: Shell, arguments: list[str]) -> None:
    done = shell.run(["printf", "%s\\0", *arguments, "$(id) `id` ; ' \" \\ !x\n-n"])
    assert done.stdout.decode().split("\0")[-2] == "$(id) `id` ; ' \" \\ !x\n-n"
    assert done.stdout.decode().split("\0")[: len(arguments)] == arguments


def test_long_input_and_output_flow_at_the_same_time(shell: Shell) -> None:
    data = secrets.token_bytes(5_000_000)
    assert shell.run(["cat"], stdin=data).stdout == data


def test_a_command_that_fills_both_streams_is_read_to_its_end(shell: Shell) -> None:
    done = shell.run(["sh", "-c", "head -c 4000000 /dev/zero >&2; head -c 4000000 /dev/zero"])
    assert (len(done.stdout), len(done.stderr)) == (4_000_000, 4_000_000)


def test_a_command_may_ignore_its_input(shell: Shell) -> None:
    assert shell.run(["true"], stdin=b"x" * 5_000_000).exit_code == 0


def test_a_command_that_outlives_its_limit_is_gone_with_children_and_daemons(shell: Shell) -> None:
    mark = f"60.{secrets.randbelow(10**9)}"
    script = f"trap '' TERM; (sleep {mark} &) ; (setsid sleep {mark} &); sleep {mark}; sleep {mark}"
    with pytest.raises(HostTimeoutError, match=r"still running after 0.5 s; it was ended on the host") as caught:
        shell.run(["sh", "-c", script], timeout=0.5)
    assert mark not in caught.value.message
    assert processes(mark) == []


@pytest.mark.parametrize("limit", [3_000_000.0, 9_223_372_036.0])
def test_m9_the_longest_time_limits_are_limits_too(shell: Shell, limit: float) -> None:
    assert shell.run(["sh", "-c", "sleep 0.3; echo done"], timeout=limit).stdout == b"done\n"


def test_a_command_whose_start_is_reported_late_is_ended_too(fleet: Fleet) -> None:
    mark = f"60.{secrets.randbelow(10**9)}"
    script = fleet.folder / "slow"
    script.write_text('#!/bin/sh\nsleep 1\neval "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    fleet.host("h", options=(f"ForceCommand {script}",))
    with pytest.raises(HostTimeoutError, match="it was ended on the host"):
        fleet.session().shell("h").run(["sleep", mark], timeout=0.3)
    assert processes(mark) == []


def test_the_limit_holds_for_a_command_that_never_stops_printing(shell: Shell) -> None:
    start = time.monotonic()
    with pytest.raises(HostTimeoutError):
        shell.run(["sh", "-c", "while :; do echo y; sleep 0.01; done"], timeout=0.5)
    assert time.monotonic() - start < 60


def test_output_without_end_is_cut_and_the_command_ended(shell: Shell) -> None:
    mark = f"swarmnet-{secrets.token_hex(4)}"
    with pytest.raises(CommandError, match="printed more than 16 MiB; it was ended on the host"):
        shell.run(["sh", "-c", "cat /dev/zero", mark])
    assert processes(mark) == []


def test_what_the_login_shells_start_files_print_is_dropped(fleet: Fleet) -> None:
    script = fleet.folder / "chatty"
    script.write_text('#!/bin/sh\necho welcome\neval "$SSH_ORIGINAL_COMMAND"\n')
    script.chmod(0o755)
    fleet.host("h", options=(f"ForceCommand {script}",))
    assert fleet.session().shell("h").run(["echo", "out"]).stdout == b"out\n"


def test_a_login_shell_that_runs_nothing_is_reported(fleet: Fleet) -> None:
    fleet.host("h", options=("ForceCommand echo this account is closed >&2; exit 1",))
    with pytest.raises(CommandError, match=r"did not start command 'true'.*this account is closed"):
        fleet.session().shell("h").run(["true"])


def test_many_commands_at_once_pass_over_one_connection(shell: Shell) -> None:
    names = [str(number) for number in range(20)]
    done = fan_out(names, lambda name: shell.run(["echo", name]).stdout)
    assert done == {name: f"{name}\n".encode() for name in names}


def test_commands_wait_for_each_other_where_sshd_allows_few_sessions(fleet: Fleet) -> None:
    fleet.host("h", options=("MaxSessions 1",))
    shell = fleet.session().shell("h")
    assert set(fan_out("abc", lambda name: shell.run(["echo", name]).exit_code).values()) == {0}
