from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from swarmnet.errors import LabError, UsageError
from swarmnet.lab.inventory import is_ours, render, require_free
from swarmnet.lab.keys import KeyPair
from swarmnet.lab.spec import LabSpec, lay_out
from swarmnet.lab.state import Fault, LabRecord, LabStore


def record(base: Path, *, name: str = "demo") -> LabRecord:
    subnet = IPv4Network("10.9.0.0/24")
    hosts = lay_out(LabSpec(hosts=2), subnet=subnet, lab_id="0123abcd", roots={"26.1": Path("/roots/26.1")})
    return LabRecord(
        name=name,
        id="0123abcd",
        subnet=subnet,
        hosts=hosts,
        faults=(Fault(host="m1", kind="block", to="w1", protocol="udp", port=4789),),
        phase="starting",
        owner=(1, 1),
        inventory=base / "lab.yml",
        disk_gib=1,
    )


def test_a_journal_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    store = LabStore(tmp_path)

    store.save(record(tmp_path))

    assert store.load("demo") == record(tmp_path)
    assert store.names() == ["demo"]


def test_a_missing_lab_is_named_beside_those_there_are(tmp_path: Path) -> None:
    store = LabStore(tmp_path)
    store.save(record(tmp_path, name="other"))

    with pytest.raises(LabError, match="no lab 'demo'") as missing:
        store.load("demo")
    assert "there is other" in str(missing.value.hint)


@pytest.mark.parametrize("text", ["", "{}", '{"version": 2}', "\0"])
def test_a_damaged_journal_is_told_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo/lab.json").write_text(text)

    with pytest.raises(LabError, match=r"demo/lab\.json is not the journal of a lab"):
        LabStore(tmp_path).load("demo")


def test_directories_without_a_journal_are_swept_and_others_stay(tmp_path: Path) -> None:
    store = LabStore(tmp_path)
    store.save(record(tmp_path))
    (tmp_path / "half/hosts").mkdir(parents=True)

    store.sweep()

    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_a_state_path_that_mount_options_cannot_hold_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMNET_LAB_STATE", str(tmp_path / "a:b"))

    with pytest.raises(UsageError, match="free of blanks, colons and commas"):
        LabStore.default()


def test_an_inventory_is_known_again_and_one_that_was_replaced_is_not(tmp_path: Path) -> None:
    lab = record(tmp_path)
    lab.inventory.write_text(render(lab, tmp_path))
    assert is_ours(lab.inventory, lab)

    lab.inventory.write_text("schema: 1\n")

    assert not is_ours(lab.inventory, lab)
    assert not is_ours(tmp_path / "missing.yml", lab)


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


def test_a_key_is_written_for_its_owner_only_and_never_shown(tmp_path: Path) -> None:
    key = KeyPair.generate("demo")

    key.write(tmp_path / "key")

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key").read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")
    assert "PRIVATE" not in repr(key)
