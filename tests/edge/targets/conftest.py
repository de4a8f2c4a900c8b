from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.backup_targets import KINDS, Place

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=list(KINDS), scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return one target after the other; the tests of a module share it, each in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch, KINDS[request.param](tmp_path_factory.mktemp("target"), patch) as made:
        yield made
