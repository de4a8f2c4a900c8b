from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.errors import UsageError
from swarmnet.lab.image import make_image

if TYPE_CHECKING:
    from swarmnet.lab import Lab

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("reference", ["Bad Name", "", "demo:", "-v", "demo:1;id"])
def test_a_name_that_no_engine_takes_is_refused_before_any_is_asked(session_lab: Lab, reference: str) -> None:
    with pytest.raises(UsageError, match="not an image reference"):
        make_image(session_lab, reference)
