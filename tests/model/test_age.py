from __future__ import annotations

import pytest

from swarmnet.model.age import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 minutes old"),
        (29, "0 minutes old"),
        (60, "1 minute old"),
        (119 * 60, "119 minutes old"),
        (2 * 3600, "2 hours old"),
        (47.4 * 3600, "47 hours old"),
        (2 * 86400, "2 days old"),
    ],
)
def test_an_age_is_in_the_largest_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
