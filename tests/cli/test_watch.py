"""Verify again and again: what is printed, how long the pauses are, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.commands.watch import hook
from swarmnet.cli.watching import REST, Looked, Pace, Watch
from swarmnet.edge.operator.hook import run_hook
from swarmnet.errors import IncompleteError, NothingReachableError, SwarmnetError, UsageError
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.formats.report import Report
from swarmnet.report.terminal.console import printed
from swarmnet.report.terminal.verdicts import answer
from swarmnet.report.terminal.watch import watch_lines
from tests.report.test_documents import misfits
from tests.simulator.clock import SimulatedClock
from tests.support.verified import a_verification

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.verification import Verification
    from swarmnet.report.documents.watch import WatchDocument

FINE, BROKEN = a_verification(fails=False), a_verification()


class Rounds:
    """What each round sees, and what is printed."""

    def __init__(self, *seen: Verification | SwarmnetError, takes: float = 1.0) -> None:
        self.clock = SimulatedClock()
        self.heard: list[WatchDocument] = []
        self.begun: list[float] = []
        self._seen = list(seen)
        self._takes = takes
        self.watch = Watch("shop", self._look, self.heard.append, self.clock)

    def _look(self) -> Looked:
        self.begun.append(self.clock.monotonic())
        self.clock.sleep(self._takes)
        if not self._seen:
            raise KeyboardInterrupt
        found = self._seen.pop(0)
        if isinstance(found, SwarmnetError):
            raise found
        return Looked(verify_document(found), answer(found))

    def run(self, rounds: int | None = None, *, every: float = 60.0, stops: bool = False) -> int:
        return self.watch.run(Pace(every, rounds, stop_on_failure=stops))


def test_the_first_round_and_changes_are_printed_and_nothing_else() -> None:
    rounds = Rounds(FINE, FINE, BROKEN, BROKEN, FINE)

    assert rounds.run(5) == 0
    assert [(one.round, one.before, one.status) for one in rounds.heard] == [
        (1, None, "ok"),
        (3, "ok", "failed"),
        (5, "failed", "ok"),
    ]
    assert all(misfits(one, "watch") == [] for one in rounds.heard)


def test_another_cause_is_printed_though_the_status_is_the_same() -> None:
    cause, *others = BROKEN.verdicts
    other = BROKEN.model_copy(update={"verdicts": (cause.model_copy(update={"cause": "mtu"}), *others)})
    rounds = Rounds(BROKEN, other)

    assert rounds.run(2) == 1
    assert [one.round for one in rounds.heard] == [1, 2]
    text = FORMATS["terminal"].render(
        Report("watch", rounds.heard[1], (), printed(tuple(watch_lines(rounds.heard[1]))))
    )
    assert "failed: no: 1 cause found: network net2" in text
    assert "firewall: network net2: failed (vxlan-blocked) -> failed (mtu)" in text


def test_a_cluster_that_cannot_be_asked_is_printed_once_and_compared_with_what_was_before() -> None:
    gone = NothingReachableError("nothing is reachable")
    rounds = Rounds(FINE, gone, gone, IncompleteError("no manager answers"), FINE)

    assert rounds.run(5) == 0
    assert [(one.round, one.status, one.problem) for one in rounds.heard] == [
        (1, "ok", None),
        (2, None, "nothing is reachable"),
        (4, None, "no manager answers"),
        (5, "ok", None),
    ]
    assert rounds.heard[-1].since is not None
    assert rounds.heard[-1].since.verdicts == []


@pytest.mark.parametrize(
    ("seen", "code"), [(FINE, 0), (BROKEN, 1), (NothingReachableError("x"), 75), (IncompleteError("x"), 3)]
)
def test_it_ends_with_the_exit_code_of_the_last_round(seen: Verification | SwarmnetError, code: int) -> None:
    assert Rounds(FINE, seen).run(2) == code


def test_it_ends_at_the_first_failure_where_that_is_wanted() -> None:
    rounds = Rounds(FINE, NothingReachableError("x"), BROKEN, FINE)

    assert rounds.run(stops=True) == 1
    assert len(rounds.begun) == 3


def test_rounds_begin_as_often_as_asked_and_slow_ones_leave_hosts_in_peace() -> None:
    quick, slow = Rounds(*[FINE] * 3, takes=2.0), Rounds(*[FINE] * 3, takes=100.0)
    quick.run(3)
    slow.run(3)

    assert quick.begun == [0.0, 60.0, 120.0]
    assert slow.begun == [0.0, 100.0 * (1 + REST), 200.0 * (1 + REST)]


def test_words_of_a_program_are_split_and_no_shell_reads_them() -> None:
    assert hook("logger -t 'swarm net' $HOME;x") == ("logger", "-t", "swarm net", "$HOME;x")
    assert hook(None) == ()
    for wrong in ("", "'"):
        with pytest.raises(UsageError, match="--on-change"):
            hook(wrong)


def test_the_program_gets_the_change_and_no_variable_of_swarmnets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMNET_KEY_PASSPHRASE", "canary")
    out = tmp_path / "out"
    script = f"import os, sys; open({str(out)!r}, 'w').write(sys.stdin.read() + str(sorted(os.environ)))"

    assert run_hook((sys.executable, "-c", script), '{"a": 1}\n', more={"SWARMNET_STATUS": "ok"}) is None
    said = out.read_text()
    assert said.startswith('{"a": 1}\n')
    assert "SWARMNET_STATUS" in said
    assert "SWARMNET_KEY_PASSPHRASE" not in said
    assert run_hook(("/no/such/program",), "", more={}) == "/no/such/program cannot be run: No such file or directory"
    assert run_hook((sys.executable, "-c", "raise SystemExit(3)"), "", more={}) == f"{sys.executable} ended with 3"


def test_hosts_that_nothing_reaches_are_a_line_of_json_and_the_exit_code(tmp_path: Path) -> None:
    ssh = {"port": 1, "connect_timeout": 1, "connect_attempts": 1}
    hosts = {"schema": 1, "cluster": "shop", "ssh": ssh, "hosts": {"m1": {"address": "127.0.0.1", "role": "manager"}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(hosts))
    done = subprocess.run(
        [sys.executable, "-m", "swarmnet.cli", "watch", "-i", "hosts.yml", "--json", "--rounds", "1"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    (line,) = done.stdout.splitlines()
    found = json.loads(line)
    assert (found["status"], found["round"]) == (None, 1)
    assert found["problem"]
    assert done.returncode == 75
