from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.secret_files import LocalSecretFiles
from swarmnet.errors import UsageError
from swarmnet.model.base import Secret

if TYPE_CHECKING:
    from pathlib import Path

FILES = LocalSecretFiles()
KEY = Secret("SWMKEY-1-c4n4ry")


def test_a_secret_comes_back_from_a_file_for_its_owner_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "key"
    FILES.write(str(path), KEY)
    assert FILES.read(str(path)) == KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_secret_may_be_written_again_and_another_one_never_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    FILES.write(str(path), KEY)
    FILES.write(str(path), KEY)
    with pytest.raises(UsageError, match="not overwritten") as raised:
        FILES.write(str(path), Secret("other"))
    assert FILES.read(str(path)) == KEY
    assert "c4n4ry" not in str(raised.value)


def test_a_link_instead_of_the_file_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    (tmp_path / "key").symlink_to(target)
    with pytest.raises(UsageError):
        FILES.write(str(tmp_path / "key"), KEY)
    assert not target.exists()


def test_a_file_that_is_not_there_is_no_error_where_one_could_be_made(tmp_path: Path) -> None:
    assert FILES.read(str(tmp_path / "key")) is None


@pytest.mark.parametrize(
    ("name", "content", "mode", "said"),
    [
        ("key", b"k", 0o644, "can be read by others"),
        ("key", b" \n", 0o600, "is empty"),
        ("key", b"k" * 70_000, 0o600, "too large"),
        ("absent/key", None, 0o600, "is not a folder"),
        (".", None, 0o600, "cannot read"),
    ],
)
def test_an_unfit_place_for_a_secret_is_refused_with_the_reason(
    tmp_path: Path, name: str, content: bytes | None, mode: int, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)
    with pytest.raises(UsageError, match=said):
        FILES.read(str(path))
