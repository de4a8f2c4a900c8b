"""A cluster is destroyed to the last disk; a bucket and the recovery file bring it back with three commands.

``tests/soak/soak_total_loss.py`` has the same story with three managers, on hosts with own kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.total_loss import Size, comes_back

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.lab
def test_a_cluster_comes_back_from_a_bucket_on_other_hosts_and_on_the_old_addresses(tmp_path: Path) -> None:
    comes_back(Size(managers=1, workers=1, engines=("26.1", "20.10")), tmp_path)
