"""Three managers and two workers, of three engine versions, are destroyed to the last disk and come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.total_loss import Size, comes_back

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.lab
@pytest.mark.timeout(3600)
def test_a_cluster_with_encrypted_overlays_comes_back_with_all_that_it_had(tmp_path: Path) -> None:
    engines = ("20.10", "26.1", "28.5", "26.1", "20.10")
    comes_back(Size(managers=3, workers=2, engines=engines, kernels="own"), tmp_path)
