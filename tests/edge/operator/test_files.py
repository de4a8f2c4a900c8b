from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.files import DOCUMENT_LIMIT, read_document
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_document_is_read_no_further_than_its_reader_needs_to_refuse_it(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * (DOCUMENT_LIMIT + 100))
    assert len(read_document(tmp_path / "big")) == DOCUMENT_LIMIT + 1


@pytest.mark.parametrize("name", ["absent", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=str(tmp_path)):
        read_document(tmp_path / name)
