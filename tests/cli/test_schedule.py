"""Schedules from the command line: what install writes is all that a run needs, in an empty environment."""

from __future__ import annotations

import json
import os
import plistlib
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from swarmnet.cli.main import build
from swarmnet.cli.schedules import carried_out, copied, schedules
from swarmnet.cli.sealing import sealing_vault
from swarmnet.edge.backups.key_ring import BackupKeys
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.errors import LockedError, SchemaError, SwarmnetError, UsageError
from swarmnet.model.schedule import Scheduler
from swarmnet.report.documents.registry import DOCUMENTS
from swarmnet.workflows.backup_lookup import listing
from tests.support.backups import a_document

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

NOWHERE = """\
schema: 1
cluster: prod
hosts:
  m1: {address: 127.0.0.1, role: manager, ssh: {port: 1, connect_timeout: 5, connect_attempts: 1}}
"""
URL = "http://127.0.0.1:1/4711-secret"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PING_URL", URL)
    (tmp_path / "prod.yml").write_text(NOWHERE)
    BackupKeys(tmp_path / "keys").create("alice")
    return tmp_path


def _type(place: Path, verb: str, *words: str) -> Result:
    argv = ["schedule", verb, *words, "--directory", str(place / "schedules")]
    return CliRunner().invoke(build(argv), argv)


def _install(place: Path, *words: str) -> Result:
    given = ("-i", "prod.yml", "--keys", "keys", "--repository", "backups", "--with", "launchd", *words)
    return _type(place, "install", *given)


def _installed(place: Path, *words: str) -> list[str]:
    done = _install(place, *words)
    assert done.exit_code == 0, done.exception
    return done.stdout.splitlines()


def _code(done: Result) -> int:
    return done.exception.exit_code if isinstance(done.exception, SwarmnetError) else done.exit_code


def test_a_run_needs_neither_environment_nor_directory_and_hides_what_is_secret(place: Path) -> None:
    failed, metrics = place / "failed", place / "swarmnet.prom"
    said = _installed(place, "--ping-url", "env:PING_URL", "--on-failure", f"tee {failed}", "--metrics", metrics.name)
    argv = shlex.split(said[-1].partition("env -i ")[2])

    done = subprocess.run(argv, env={}, cwd="/", capture_output=True, text=True, check=False)

    assert done.returncode == 75
    assert "no backup was taken: no host answered" in done.stderr
    assert "the ping to http://127.0.0.1:1 failed" in done.stderr
    assert 'swarmnet_backup_exit_code{cluster="prod"} 75' in metrics.read_text()
    assert not failed.exists()  # no one is woken while the newest is young
    for text in (*said, done.stdout, done.stderr, _type(place, "status", "--json").stdout):
        assert "4711" not in text
    assert (place / "schedules" / "prod.schedule.json").stat().st_mode & 0o077 == 0


def test_once_the_newest_is_too_old_the_same_run_fails_and_is_heard_of(place: Path) -> None:
    failed = place / "failed"
    _installed(place, "--max-age", "1", "--on-failure", f"tee {failed}")
    file = place / "schedules" / "prod.schedule.json"
    tree = json.loads(file.read_text()) | {"installed": "2026-01-01T00:00:00Z"}
    file.write_text(json.dumps(tree))

    done = _type(place, "run", "prod")

    assert done.exit_code == 1
    assert "there is no complete backup of prod" in failed.read_text()
    status = _type(place, "status")
    assert status.exit_code == 3
    assert "OVERDUE" in status.stdout


def test_the_property_list_that_launchd_gets_is_one_as_it_is_printed(place: Path) -> None:
    lines = _installed(place)
    plist = "\n".join(lines[: lines.index("</plist>") + 1])
    assert plistlib.loads(plist.encode())["Label"] == "swarmnet.backup.prod"
    assert "\\" not in plist  # plistlib passes over it, launchctl does not


@pytest.mark.parametrize("journal", [True, False])
def test_journald_and_no_other_reader_gets_a_priority_before_each_line(place: Path, journal: bool) -> None:  # noqa: FBT001
    argv = [word for word in json.loads(_install(place, "--json").stdout)["command"] if word != "--if-due"]
    said = place / "said"
    with said.open("w") as stderr:
        status = os.fstat(stderr.fileno())
        stream = f"{status.st_dev}:{status.st_ino + (not journal)}"
        subprocess.run(argv, env={"JOURNAL_STREAM": stream}, cwd="/", stderr=stderr, check=False)
    lines = said.read_text().splitlines()
    assert any(line.startswith("<3>no backup was taken") for line in lines) is journal
    assert any(line.startswith("no backup was taken") for line in lines) is not journal
    assert not any("\x1b" in line for line in lines)


def test_status_tells_next_last_and_overdue_for_programs_too(place: Path) -> None:
    empty = _type(place, "status", "--json")
    assert json.loads(empty.stdout)["schedules"] == []
    _installed(place, "--at", "30 2 * * *")
    _type(place, "run")
    (one,) = json.loads(_type(place, "status", "prod", "--json").stdout)["schedules"]
    assert (one["at"], one["with"], one["overdue"], one["newest"]) == ("30 2 * * *", "launchd", False, None)
    assert (one["last"]["exit_code"], one["last"]["soft"], one["last"]["backup"]) == (75, True, None)
    assert "next" in _type(place, "status").stdout


def test_backups_are_copied_to_each_target_and_one_that_is_away_is_a_problem(place: Path) -> None:
    (place / "away").write_text("no directory")
    _installed(place, "--to", "copies", "--to", "away")
    schedule = schedules(place / "schedules").get("prod")
    assert schedule.to == (str(place / "copies"), str(place / "away"))
    vault = sealing_vault(place / "keys", None, None, single_recipient=True)
    repository = DirectoryRepository(place / "backups")
    document = a_document()
    repository.write(document, vault.seal(document), check=vault.header)

    (said,) = copied(schedule, repository, vault, listing(repository, vault))

    assert "1 of 1 backups" in said
    assert str(place / "away") in said
    (copy,) = (place / "copies").rglob("*.swarmnet")
    assert copy.read_bytes() == next((place / "backups").rglob("*.swarmnet")).read_bytes()
    assert copied(schedule.model_copy(update={"to": schedule.to[:1]}), repository, vault, ()) == ()


def test_each_verb_answers_programs_in_its_published_form(place: Path) -> None:
    said = {
        "install": _install(place, "--json", "--timeout", "30", "--log-file", "log"),
        "run": _type(place, "run", "--json"),
        "status": _type(place, "status", "--json"),
        "remove": _type(place, "remove", "--json"),
    }
    for verb, done in said.items():
        assert DOCUMENTS[f"schedule-{verb}"].model_validate_json(done.stdout).schema_ == 1
    assert "--if-due" in json.loads(said["install"].stdout)["command"]


def test_a_run_that_is_not_due_does_nothing(place: Path) -> None:
    _installed(place)
    done = _type(place, "run", "--if-due")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")
    assert not (place / "schedules" / "prod.runs.json").exists()


def test_two_runs_at_once_are_refused_and_remember_nothing(place: Path) -> None:
    _installed(place)
    store = schedules(place / "schedules")
    with store.running("prod"), pytest.raises(LockedError):
        carried_out(store, "prod", if_due=False)
    assert store.history("prod").last is None


def test_what_is_broken_since_the_install_is_what_the_run_fails_with(place: Path) -> None:
    failed = place / "failed"
    _installed(place, "--on-failure", f"tee {failed}")
    (place / "prod.yml").write_text(NOWHERE.replace("prod", "other"))
    assert _type(place, "run").exit_code == 2
    assert "is of cluster other by now" in failed.read_text()
    (place / "prod.yml").unlink()
    assert _type(place, "run").exit_code == 2
    (place / "keys" / "signing.key").unlink()
    assert _type(place, "run").exit_code == 2
    (place / "keys").chmod(0o777)
    assert _type(place, "run").exit_code == 2
    assert "can be changed by others" in failed.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--at", "whenever"), "is not a time"),
        (("--with", "anacron"), "unknown"),
        (("--ping-url", "env:NO_SUCH_VARIABLE"), "no variable"),
        (("--ping-url", "ftp://hc.example/4711"), "not an http or https URL"),
        (("--on-failure", "no-such-program x"), "no program"),
        (("--on-failure", "'"), "--on-failure"),
        (("--keys", "none"), "no key to sign with"),
        (("--drill", "sometimes"), "--drill 'sometimes' is not a time"),
        (("--on", "spare.yml"), "--on names hosts for drills"),
        (("--drill", "monthly", "--on", "no-such.yml"), "no such file"),
        (("--rto", "15"), "--rto is for drills"),
        (("--secrets-from", "env:RESTORE_"), "--secrets-from gives values to drills"),
        (("--drill", "monthly", "--secrets-from", "no-such.yml"), "no such file"),
        (("--drill", "monthly", "--secrets-from", "prod.yml"), "prod.yml can be read by others"),
        (("--raft", "sometimes"), "--raft 'sometimes' is not a time"),
        (("--playbook", "no-such.yml"), "no such file"),
        (("--to", "sftp://ann:hush@backup.example/x"), "password"),
    ],
)
def test_what_cannot_run_is_not_installed(place: Path, words: tuple[str, ...], says: str) -> None:
    done = _install(place, *words)
    assert isinstance(done.exception, SwarmnetError)
    assert (done.exception.exit_code, says in str(done.exception)) == (2, True)
    assert "4711" not in str(done.exception)
    assert not (place / "schedules").exists()


def test_a_drill_is_part_of_the_schedule_where_an_identity_opens_its_backups(place: Path) -> None:
    _installed(place, "--drill", "monthly")
    (one,) = json.loads(_type(place, "status", "--json").stdout)["schedules"]
    assert one["drill"] == "0 3 1 * *"
    (place / "keys" / "identity.txt").unlink()
    done = _install(place, "--drill", "monthly")
    assert isinstance(done.exception, UsageError)
    assert "no identity" in str(done.exception)


def test_what_runs_besides_the_backup_is_part_of_the_schedule_with_whole_paths(place: Path) -> None:
    spare, playbook = place / "spare.yml", place / "site.yml"
    spare.write_text("schema: 1\ncluster: spare\nhosts:\n  s1: {address: 192.0.2.9, role: manager}\n")
    playbook.write_text("schema: 1\nname: site\nsteps: []\n")
    words = ("--raft", "weekly", "--keep-raft", "4", "--drill", "monthly", "--on", str(spare))
    _installed(place, *words, "--playbook", str(playbook))
    kept = schedules(place / "schedules").get(None)
    assert (kept.raft, kept.keep_raft, kept.drill_on, kept.playbook) == ("0 3 * * SUN", 4, str(spare), str(playbook))


def test_a_schedule_keeps_where_the_secrets_of_its_drills_are_and_no_value_of_them(place: Path) -> None:
    values = place / "values.yml"
    values.write_text("password: open-sesame-4711\n")
    values.chmod(0o600)
    for given, kept in (("values.yml", str(values)), ("env:RESTORE_", "env:RESTORE_")):
        _installed(place, "--drill", "monthly", "--secrets-from", given)
        assert schedules(place / "schedules").get(None).drill_secrets == kept
        assert not [one for one in (place / "schedules").iterdir() if "4711" in one.read_text()]


def test_a_schedule_is_replaced_and_removed_and_backups_stay(place: Path) -> None:
    (place / "backups").mkdir()
    _installed(place)
    _installed(place, "--at", "hourly")
    store = schedules(place / "schedules")
    assert store.get(None).at == "0 * * * *"
    _type(place, "run")
    assert _type(place, "remove").exit_code == 0
    assert [*(place / "schedules").iterdir()] == []
    assert (place / "backups").is_dir()
    assert _code(_type(place, "remove")) == 2


def test_systemd_units_are_written_where_they_are_looked_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(place / "config"))
    units = place / "config" / "systemd" / "user"
    _installed(place, "--with", "systemd-user")
    assert {path.name for path in units.iterdir()} == {"swarmnet-backup-prod.service", "swarmnet-backup-prod.timer"}
    _installed(place)  # another program starts the runs now, and only that one
    assert [*units.iterdir()] == []


def test_one_of_several_schedules_must_be_named_and_a_damaged_one_is_said_to_be(place: Path) -> None:
    _installed(place)
    (place / "prod.yml").write_text(NOWHERE.replace("prod", "test"))
    _installed(place)
    done = _type(place, "run")
    assert isinstance(done.exception, UsageError)
    assert "prod, test" in str(done.exception)
    assert isinstance(_type(place, "run", "none").exception, UsageError)
    (place / "schedules" / "prod.schedule.json").write_text("{")
    assert isinstance(_type(place, "run", "prod").exception, SchemaError)
    (place / "schedules" / "test.schedule.json").chmod(0o644)
    (place / "schedules" / "prod.schedule.json").unlink()
    assert _code(_type(place, "run", "test")) == 2


def _in_swarm(place: Path, *words: str) -> Result:
    return _type(place, "install", "-i", "prod.yml", "--keys", "keys", "--in-swarm", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "s3://bucket"), "needs an --image"),
        (("--image", "s:1"), "needs a --to away from the cluster"),
        (("--image", "s:1", "--to", "/srv/backups"), "needs a --to away from the cluster"),
        (("--image", "s:1", "--to", "s3://bucket"), "needs --aws-credentials"),
        (("--image", "s:1", "--to", "sftp://nas/b"), "needs --ssh-key and --known-hosts"),
        (
            ("--image", "s:1", "--to", "s3://bucket", "--aws-credentials", "f", "--metrics", "x"),
            "--metrics does not work",
        ),
        (("--image", "s:1", "--to", "s3://bucket", "--aws-credentials", "f", "--repository", "x"), "--repository does"),
        (("--image", "s:1", "--to", "s3://bucket", "--aws-credentials", "prod.yml"), "prod.yml"),
        (("--image", "s:1", "--to", "s3://bucket", "--aws-credentials", "f", "--playbook", "big.yml"), "400 KiB"),
    ],
)
def test_what_a_container_cannot_do_is_refused_before_anything_is_asked(
    place: Path, words: tuple[str, ...], said: str
) -> None:
    (place / "big.yml").write_text("schema: 1\nname: big\nsteps: []\n" + "# nothing\n" * 40000)
    done = _in_swarm(place, *words)
    assert _code(done) == 2
    assert said in str(done.exception)
    assert not (place / "schedules").exists()


def test_a_key_with_a_passphrase_does_not_go_into_a_container(place: Path) -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", "locked"]
    subprocess.run(words, check=True, cwd=place)
    (place / "known").write_text("")
    login = ("--ssh-key", "locked", "--known-hosts", "known")
    done = _in_swarm(place, "--image", "s:1", "--to", "sftp://nas/b", *login)
    assert _code(done) == 2
    assert "it has a passphrase" in str(done.exception)


@pytest.mark.parametrize("option", ["--image", "--ssh-key"])
def test_options_of_the_swarm_alone_are_refused(place: Path, option: str) -> None:
    done = _install(place, option, "word")
    assert _code(done) == 2
    assert f"{option} works only with --in-swarm" in str(done.exception)


def test_status_says_that_the_swarm_cannot_be_asked_and_shows_the_others_too(place: Path) -> None:
    _installed(place)
    store = schedules(place / "schedules")
    away = {"cluster": "away", "with_": Scheduler.IN_SWARM, "repository": "s3://bucket"}
    store.put(store.get("prod").model_copy(update=away))

    done = _type(place, "status", "--json")

    assert done.exit_code == 3
    found = {one["cluster"]: one["problem"] for one in json.loads(done.stdout)["schedules"]}
    assert found["prod"] is None
    assert "127.0.0.1" in found["away"]


def test_the_image_is_built_from_this_very_program_and_what_it_runs_with(place: Path) -> None:
    argv = ["schedule", "image", "context", "--json"]
    made = json.loads(CliRunner().invoke(build(argv), argv).stdout)
    (wheel,) = [name for name in made["files"] if name.endswith(".whl")]
    dockerfile = (place / "context" / "Dockerfile").read_text()
    assert f"{wheel}[s3,notify]" in dockerfile
    assert "pydantic==" in (place / "context" / "constraints.txt").read_text()

    words = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", "there", f"context/{wheel}"]
    subprocess.run([sys.executable, *words], check=True, cwd=place)
    shown = "import swarmnet.cli.scheduler as found; print(found.__file__, found.main([]))"
    environment = {**os.environ, "PYTHONPATH": str(place / "there")}
    done = subprocess.run([sys.executable, "-c", shown], cwd="/", env=environment, capture_output=True, check=True)
    assert done.stdout.decode().split() == [str(place / "there/swarmnet/cli/scheduler.py"), "2"]
