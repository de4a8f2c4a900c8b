from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.model.version import OLDEST_API, ApiVersion

NUMBERS = st.integers(0, 9999)


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_versions_are_compared_as_numbers_and_written_as_they_were_read(a: int, b: int, c: int, d: int) -> None:
    one, two = f"{a}.{b}", f"{c}.{d}"
    assert (ApiVersion.parse(one) < ApiVersion.parse(two)) == ((a, b) < (c, d))
    assert str(ApiVersion.parse(one)) == one


@pytest.mark.parametrize("text", ["", "1", "1.", "v1.41", "1.41.2", "1.41\n", "12345.1", "\u0661.\u0664"])
def test_a_text_of_another_form_is_refused_or_the_oldest_of_all(text: str) -> None:
    assert ApiVersion.read(text) < OLDEST_API
    with pytest.raises(ValueError, match="is not an API version"):
        ApiVersion.parse(text)
