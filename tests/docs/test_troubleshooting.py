"""The messages that the page of common problems quotes are ones that swarmnet prints."""

from __future__ import annotations

import re

import pytest

from tests.docs.english import ROOT, files, of_python

PAGE = ROOT / "docs" / "how-to" / "troubleshooting.md"
CELLS = re.findall(r"^\| (.*?) \|", PAGE.read_text(), re.MULTILINE)[2:]
OF_THE_ENGINE = {"exec format error"}
QUOTED = sorted({quote for cell in CELLS for quote in re.findall(r"`([^`]+)`", cell) if " " in quote} - OF_THE_ENGINE)


@pytest.fixture(scope="module")
def sentences() -> str:
    """Return all that swarmnet can print, one text a line."""
    return "\n".join(
        text for path in files("swarmnet") if path.suffix == ".py" for _, text in of_python(path.read_text())
    )


@pytest.mark.parametrize("quote", QUOTED)
def test_a_message_that_is_quoted_is_one_of_swarmnet(quote: str, sentences: str) -> None:
    for part in quote.split("..."):
        assert part.strip(" ,") in sentences
