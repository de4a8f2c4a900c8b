from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.files import DOCUMENT_LIMIT, read_document, write_atomically
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_whole_private_and_without_leftovers(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", b"new", mode=0o644)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "f", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_document_is_read_no_further_than_its_reader_needs_to_refuse_it(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (DOCUMENT_LIMIT + 100))
    assert len(read_document(tmp_path / "big")) == DOCUMENT_LIMIT + 1


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=str(tmp_path)):
        read_document(tmp_path / name)
