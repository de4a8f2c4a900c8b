"""Archives for ``age -d``: sealed as they are produced, whole or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyrage
import pytest

from swarmnet.edge.backups.archives import SealedArchives
from swarmnet.edge.backups.keys import Recipient
from swarmnet.errors import CommandError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.sealed import Sink

IDENTITY = pyrage.x25519.Identity.generate()
ARCHIVES = SealedArchives((Recipient(str(IDENTITY.to_public())),))


def test_what_is_produced_part_by_part_opens_to_the_same(tmp_path: Path) -> None:
    file = tmp_path / "state.age"
    parts = [bytes([number]) * 300_000 for number in range(9)]

    def produce(sink: Sink) -> None:
        for part in parts:
            sink(part)

    ARCHIVES.write(str(file), produce)
    assert pyrage.decrypt(file.read_bytes(), [IDENTITY]) == b"".join(parts)
    with pytest.raises(UsageError, match="no archive is overwritten"):
        ARCHIVES.write(str(file), produce)


def test_an_archive_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    def produce(sink: Sink) -> None:
        sink(b"the beginning")
        raise CommandError("m1", "the connection broke")

    with pytest.raises(CommandError):
        ARCHIVES.write(str(tmp_path / "state.age"), produce)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        ARCHIVES.write(str(tmp_path / "none/state.age"), lambda sink: sink(b"x"))


def test_without_a_recipient_nothing_is_produced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no recipient"):
        SealedArchives(()).write(str(tmp_path / "state.age"), lambda sink: sink(b"x"))
    assert list(tmp_path.iterdir()) == []
