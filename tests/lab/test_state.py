from __future__ import annotations

import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarmnet.cli.commands.lab.view import chosen
from swarmnet.errors import LabError, UsageError
from swarmnet.lab.inventory import is_ours, render, require_free
from swarmnet.lab.keys import KeyPair
from swarmnet.lab.layout import lay_out
from swarmnet.lab.spec import LabSpec
from swarmnet.lab.state import Fault, LabRecord, LabStore


def record(base: Path, *, name: str = "demo") -> LabRecord:
    subnet = IPv4Network("10.9.0.0/24")
    hosts = lay_out(LabSpec(hosts=2), subnet=subnet, lab_id="0123abcd", roots={"26.1": Path("/roots/26.1")})
    return LabRecord(
        name=name,
        id="0123abcd",
        subnet=subnet,
        hosts=hosts,
        faults=(Fault(host="m1", kind="block", options={"to": "w1", "protocol": "udp", "port": 4789}),),
        phase="starting",
        owner=(1, 1),
        inventory=base / "lab.yml",
        disk_gib=1,
    )


def test_a_journal_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    store = LabStore(tmp_path)

    store.create(record(tmp_path))

    assert store.load("demo") == record(tmp_path)
    assert store.names() == ["demo"]


def test_a_missing_lab_is_named_with_those_that_exist(tmp_path: Path) -> None:
    store = LabStore(tmp_path)
    store.create(record(tmp_path, name="other"))

    with pytest.raises(UsageError, match="no lab 'demo'") as missing:
        store.load("demo")
    assert "there is other" in str(missing.value.hint)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2}', "\0"])
def test_a_damaged_journal_is_named_by_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/lab.json").write_text(text)

    with pytest.raises(LabError, match=r"demo/lab\.json is not the journal of a lab"):
        LabStore(tmp_path).load("demo")


def everything_below(base: Path) -> set[str]:
    return {str(path.relative_to(base)) for path in base.rglob("*")}


def a_disk_of_someone_else(base: Path) -> set[str]:
    for place in ("photos", "databases/pg", "lost+found", ".hidden/deep", "swarmnet-lab-0123abcd", "old lab/hosts/m1"):
        (base / place).mkdir(parents=True)
    (base / "photos/a.jpg").write_bytes(b"precious")
    (base / ".swarmnet-lab-89abcdef-old").mkdir()
    (base / ".swarmnet-lab-89abcdef-old/photo.jpg").write_bytes(b"precious")
    (base / ".swarmnet-lab-00000000-new").symlink_to(base / "photos")
    (base / "file.txt").touch()
    return everything_below(base)


def test_c1_a_sweep_removes_nothing_that_no_lab_made(tmp_path: Path) -> None:
    theirs = a_disk_of_someone_else(tmp_path)

    LabStore(tmp_path).sweep()

    assert everything_below(tmp_path) == theirs


def test_c1_a_lab_comes_and_goes_next_to_the_files_of_others(tmp_path: Path) -> None:
    theirs = a_disk_of_someone_else(tmp_path)
    store, lab = LabStore(tmp_path), record(tmp_path)

    store.create(lab)
    (tmp_path / "demo/hosts/m1/upper").mkdir(parents=True)
    store.remove(lab)

    assert everything_below(tmp_path) == theirs


@pytest.mark.parametrize("kind", ["directory", "file", "link", "dangling link"])
def test_c1_a_lab_never_takes_over_what_has_its_name(tmp_path: Path, kind: str) -> None:
    place, elsewhere = tmp_path / "demo", tmp_path / "elsewhere"
    match kind:
        case "directory":
            place.mkdir()
        case "file":
            place.touch()
        case "link":
            elsewhere.mkdir()
            place.symlink_to(elsewhere)
        case _:
            place.symlink_to(elsewhere)
    theirs = everything_below(tmp_path)

    with pytest.raises(UsageError, match="exists and is not a lab"):
        LabStore(tmp_path).create(record(tmp_path))
    LabStore(tmp_path).remove(record(tmp_path))

    assert everything_below(tmp_path) == theirs


def test_c1_a_copied_journal_makes_no_lab_of_its_directory(tmp_path: Path) -> None:
    store = LabStore(tmp_path)
    store.create(record(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/lab.json").write_bytes((tmp_path / "demo/lab.json").read_bytes())

    with pytest.raises(LabError, match="journal of lab 'demo', copied here"):
        store.load("photos")


@pytest.mark.parametrize("leftover", [(), ("lab.json",), ("lab.json.new",), ("lab.json", "lab.json.new")])
def test_what_a_killed_start_or_end_of_a_lab_leaves_is_swept(tmp_path: Path, leftover: tuple[str, ...]) -> None:
    for word in ("new", "old"):
        (tmp_path / f".swarmnet-lab-0123abcd-{word}").mkdir()
        for name in leftover:
            (tmp_path / f".swarmnet-lab-0123abcd-{word}" / name).touch()

    LabStore(tmp_path).sweep()

    assert list(tmp_path.iterdir()) == []


def test_a_state_path_that_mount_options_cannot_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMNET_LAB_STATE", str(tmp_path / "a:b"))

    with pytest.raises(UsageError, match="must not contain blanks, colons or commas"):
        LabStore.default()


def test_an_inventory_is_known_again_and_one_that_was_replaced_is_not(tmp_path: Path) -> None:
    lab = record(tmp_path)
    lab.inventory.write_text(render(lab, tmp_path))
    assert is_ours(lab.inventory, lab)

    lab.inventory.write_text(render(lab, tmp_path).replace(f"`swarmnet lab down --name {lab.name}`", "`lab down`"))
    assert is_ours(lab.inventory, lab), "older versions worded the advice differently"

    lab.inventory.write_text("schema: 1\n")

    assert not is_ours(lab.inventory, lab)
    assert not is_ours(tmp_path / "missing.yml", lab)


def test_an_inventory_names_the_command_that_removes_this_lab_and_no_other(tmp_path: Path) -> None:
    lab = record(tmp_path)

    first = render(lab, tmp_path).splitlines()[0]

    assert first.endswith(f"`swarmnet lab down --name {lab.name}` removes it.")


def test_a_file_that_no_lab_made_is_never_overwritten(tmp_path: Path) -> None:
    precious, old = tmp_path / "site.yml", tmp_path / "old.yml"
    precious.write_text("schema: 1\n")
    old.write_text(render(record(tmp_path), tmp_path))

    require_free(old)
    require_free(tmp_path / "new.yml")
    for wrong in (precious, tmp_path, precious / "below.yml", tmp_path / "missing" / "new.yml"):
        with pytest.raises(UsageError):
            require_free(wrong)
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_c1_what_is_not_a_regular_file_is_never_taken_for_an_inventory(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "lab.yml"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to("/dev/zero")

    with pytest.raises(UsageError, match="is not an inventory of a lab"):
        require_free(place)
    assert not is_ours(place, record(tmp_path))


def test_a_key_is_written_for_its_owner_only_and_never_shown(tmp_path: Path) -> None:
    key = KeyPair.generate("demo")

    key.write(tmp_path / "key")

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key").read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")
    assert "PRIVATE" not in repr(key)


@pytest.mark.parametrize(
    ("labs", "meant"), [(("one",), "one"), (("default",), "default"), (("default", "other"), "default")]
)
def test_e6_a_verb_without_a_name_means_the_only_lab_or_the_unnamed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, labs: tuple[str, ...], meant: str
) -> None:
    monkeypatch.setenv("SWARMNET_LAB_STATE", str(tmp_path))
    for name in labs:
        LabStore.default().create(record(tmp_path, name=name))

    assert chosen(None) == meant


def test_e6_a_verb_without_a_name_is_refused_where_it_could_mean_two_labs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMNET_LAB_STATE", str(tmp_path))
    for name in ("one", "two"):
        LabStore.default().create(record(tmp_path, name=name))

    with pytest.raises(UsageError, match="there are 2 labs: one, two"):
        chosen(None)


def test_a_journal_that_no_lab_wrote_is_named_and_keeps_no_lab_from_being_read(tmp_path: Path) -> None:
    store = LabStore(tmp_path)
    store.create(record(tmp_path))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/lab.json").write_text("{}")

    assert store.readable() == ([record(tmp_path)], ["photos"])


def test_a_verb_for_a_lab_that_does_not_exist_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMNET_LAB_STATE", str(tmp_path))

    with pytest.raises(UsageError) as named:
        LabStore.default().load("zz")
    with pytest.raises(UsageError) as unnamed:
        chosen(None)

    assert (named.value.exit_code, unnamed.value.exit_code) == (2, 2)
