"""Questions on the terminal: one at a time, since logins in the background may ask, too."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from swarmnet.cli import wiring
from tests.support.waiting import seen

if TYPE_CHECKING:
    import pytest


def test_a_second_question_waits_for_the_answer_to_the_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, writing = os.pipe()
    printed = ""

    def asked() -> int:
        nonlocal printed
        printed += capsys.readouterr().err
        return printed.count("[y/N]")

    with os.fdopen(reading, encoding="utf-8") as answers, ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(sys, "stdin", answers)
        said = [pool.submit(wiring.confirm, question) for question in ("one?", "two?")]
        for number, answer in enumerate((b"y\n", b"n\n"), 1):
            assert seen(asked, lambda count, number=number: count >= number) == number  # type: ignore[misc]
            os.write(writing, answer)
        os.close(writing)

        assert sorted(one.result() for one in said) == [False, True]
