"""Planning runs no program unless asked, and nothing agrees in the operator's name by accident (M7, L6)."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from swarmnet.cli.commands.apply import agree_to_run, expect
from swarmnet.cli.commands.plan import emit_plan
from swarmnet.cli.consent import AtTerminal
from swarmnet.cli.output import Targets
from swarmnet.cli.planning import PlaybookOptions
from swarmnet.cli.restore_options import RestoreOptions
from swarmnet.errors import DocumentError, RefusedError
from swarmnet.model.base import Secret
from swarmnet.model.plan import Plan, Risk
from swarmnet.model.redaction import Cover
from swarmnet.model.state import ClusterState
from swarmnet.report.saved import SavedPlan
from swarmnet.workflows.apply import Prepared
from tests.report.test_saved import COMMAND, WEB, plan, saved
from tests.support.backups import a_document
from tests.support.clusters import inventory
from tests.support.commands import SWARMNET

if TYPE_CHECKING:
    from pathlib import Path

HOSTS = inventory(managers=1, workers=1)
INVENTORY = "schema: 1\ncluster: shop\nhosts:\n  m1: {address: 127.0.0.1, role: manager}\n"
INVENTORY += "ssh: {port: 1, connect_timeout: 1, connect_attempts: 1}\n"


@pytest.fixture
def playbook(tmp_path: Path) -> Path:
    """A playbook whose contents come from a program that leaves a trace, with what it has of the environment."""
    path = tmp_path / "p.yml"
    program = "env > trace; ulimit -c >> trace; echo content"
    path.write_text(
        "schema: 1\nname: p\nsteps:\n  - swarm: {}\n"
        f"  - config: {{name: c, from: {{command: [sh, -c, '{program}']}}}}\n"
        "  - command: {argv: [touch, /x], unless: [test, -e, /x]}\n"
    )
    return path


def types(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "hosts.yml").write_text(INVENTORY)
    environment = {**os.environ, "SWARMNET_KEY_PASSPHRASE": "hunter2", "SWARMNET_YES": "1"}
    argv = [str(SWARMNET), words[0], "p.yml", "-i", "hosts.yml", *words[1:]]
    return subprocess.run(
        argv,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )


def test_plan_runs_no_program_and_says_what_it_would_run(playbook: Path) -> None:
    ended = types(playbook.parent, "plan")

    assert ended.returncode == 2
    assert "p.yml:5" in ended.stderr
    assert "--allow-commands" in ended.stderr
    assert "env > trace" in ended.stderr
    assert not (playbook.parent / "trace").exists()


def test_plan_runs_them_where_asked_without_what_is_swarmnets_own(playbook: Path) -> None:
    types(playbook.parent, "plan", "--allow-commands")

    seen = (playbook.parent / "trace").read_text()
    assert "PATH=" in seen
    assert "SWARMNET_" not in seen
    assert seen.splitlines()[-1] == "0"  # no core dump of this process, which knows identities and backups (L9)


def test_apply_shows_what_would_run_and_runs_nothing_without_consent(playbook: Path) -> None:
    ended = types(playbook.parent, "apply")

    assert ended.returncode == 5
    assert (
        "planning runs a program on this machine: sh -c 'env > trace; ulimit -c >> trace; echo content'" in ended.stderr
    )
    assert "planning runs a program on m1: test -e /x" in ended.stderr
    assert "--allow-commands" in ended.stderr
    assert not (playbook.parent / "trace").exists()


def test_apply_runs_what_was_shown_and_agreed_to(playbook: Path) -> None:
    ended = types(playbook.parent, "apply", "--yes")

    assert "planning runs a program on this machine" in ended.stderr
    assert (playbook.parent / "trace").exists()


def test_a_saved_plan_is_made_with_the_answers_of_all_programs(playbook: Path) -> None:
    ended = types(playbook.parent, "plan", "-o", "saved.json")

    assert ended.returncode == 2
    assert "on m1: test -e /x" in ended.stderr
    assert not (playbook.parent / "saved.json").exists()


def test_a_program_is_shown_whole_before_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program = f"on m1: sh -c '{'true; ' * 5000}rm -rf /'"

    assert agree_to_run("shop", None, (program,), yes=True)
    assert program in capsys.readouterr().err


def test_apply_of_a_saved_plan_runs_no_program_that_it_was_made_without() -> None:
    Secret("test -e /x")  # what a program prints may be among its words, and is masked in the file
    found = saved(COMMAND)

    assert agree_to_run("shop", found, ("on m1: test -e /x",), yes=True)
    with pytest.raises(RefusedError, match="on m1: rm -rf /"):
        agree_to_run("shop", found, ("on m1: test -e /x", "on m1: rm -rf /"), yes=True)


def test_a_saved_plan_runs_no_other_program_whatever_else_is_allowed(playbook: Path) -> None:
    (playbook.parent / "saved.json").write_text(saved(COMMAND).text)

    ended = types(playbook.parent, "apply", "--plan", "saved.json", "--allow-commands", "--yes")

    assert ended.returncode == 5
    assert "env > trace" in ended.stderr
    assert not (playbook.parent / "trace").exists()


def test_commands_whose_unless_was_not_asked_say_so(tmp_path: Path) -> None:
    path = tmp_path / "p.yml"
    path.write_text("schema: 1\nname: p\nsteps:\n  - command: {argv: [touch, /x], unless: [test, -e, /x]}\n")

    goal = PlaybookOptions().goal(path, HOSTS, None)

    assert goal.look.needs == ()
    assert len(PlaybookOptions(allow_commands=True).goal(path, HOSTS, None).look.needs) == 2


def test_contents_from_commands_are_refused_with_their_line(playbook: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        PlaybookOptions().goal(playbook, HOSTS, None)

    assert [problem.line for problem in caught.value.problems] == [5]


def prepared(risk: Risk) -> Prepared:
    return Prepared(ClusterState(), plan(WEB.model_copy(update={"risk": risk})))


def test_the_environment_agrees_to_what_costs_nothing_alone() -> None:
    consent = AtTerminal(unattended=True)

    consent.ask(prepared(Risk.SAFE), changed=False)
    for risk in (Risk.DISRUPTIVE, Risk.DESTRUCTIVE):
        with pytest.raises(RefusedError, match="without a terminal"):
            consent.ask(prepared(risk), changed=False)


@pytest.mark.parametrize(
    "words", [("reset",), ("lock", "break"), ("restore", "apply"), ("restore", "undo"), ("backup", "prune")]
)
def test_no_command_that_costs_something_takes_its_yes_from_the_environment(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    ended = subprocess.run(
        [SWARMNET, *words, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240
    )

    assert "--yes" in ended.stdout
    assert "SWARMNET_YES" not in ended.stdout


def test_an_empty_plan_is_not_the_saved_one() -> None:
    with pytest.raises(RefusedError, match=r"no longer planned: \+ service web"):
        expect(saved(WEB), Prepared(saved_state(), Plan(cluster="shop", actions=(), predicted=ClusterState())))


def saved_state() -> ClusterState:
    tree = json.loads(saved(WEB).text)
    assert tree["cluster_id"] == "s1"
    return plan(WEB).predicted


def test_the_question_names_the_backup() -> None:
    made = plan(WEB).model_copy(
        update={"origin": "backup 01234567 of 2026-01-31 04:05:06 UTC, cluster prod, 9 days old"}
    )
    with pytest.raises(RefusedError, match="from backup 01234567 of 2026-01-31 04:05:06 UTC, cluster prod, 9 days old"):
        AtTerminal().ask(Prepared(ClusterState(), made), changed=False)


def test_the_backup_of_another_cluster_needs_a_word() -> None:
    document = a_document()  # of cluster prod

    with pytest.raises(RefusedError, match=r"cluster prod, .* days? old; the inventory names cluster"):
        RestoreOptions().restore(document, HOSTS, None)

    restore = RestoreOptions(other_cluster=True).restore(document, HOSTS, None)
    assert restore.origin.startswith("backup 01234567 of 2026-01-31 04:05:06 UTC, cluster prod, ")


def test_what_is_saved_with_values_shown_is_compared_so() -> None:
    found = SavedPlan.of(plan(WEB), plan(WEB).predicted, Cover(shows=True), b"0", ())

    assert '"b"' in found.text
    assert found.differences(plan(WEB), plan(WEB).predicted) == ()


@pytest.mark.parametrize(("format_", "digests"), [("terminal", 0), ("markdown", 0), ("json", 2)])
def test_an_action_is_digested_once_and_only_where_the_digest_is_written(
    format_: str, digests: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counting = Mock(wraps=hashlib.scrypt)
    monkeypatch.setattr(hashlib, "scrypt", counting)

    emit_plan(Prepared(ClusterState(), plan(COMMAND, WEB)), Targets(format_), show_values=False, whole=False)

    assert "web" in capsys.readouterr().out
    assert counting.call_count == digests
