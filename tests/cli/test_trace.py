"""Both ends of a trace, as words of their own or with the arrow of playbooks between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.commands.trace import ends_of, meant
from swarmnet.errors import UsageError
from tests.cli.test_errors import types

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (["web"], ("web", None)),
        (["web", "db"], ("web", "db")),
        (["w1/legacy-", "db:5432"], ("w1/legacy-", "db:5432")),
        (["web", " ->", "db:5432"], ("web", "db:5432")),
        (["web", " ->db"], ("web", "db")),
        (["web->", "db"], ("web", "db")),
        (["web->db"], ("web", "db")),
        (["web -> db: 5432"], ("web", "db:5432")),
        (["outside -> web: 80, 443/tcp"], ("outside", "web:80,443/tcp")),
    ],
)
def test_the_ends_are_words_or_are_around_an_arrow(words: list[str], ends: tuple[str, str | None]) -> None:
    assert ends_of(words) == ends


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["web", "to", "db", "80"], "trace takes FROM and TO", "write: swarmnet trace web db:80"),
        (["web -> db 5432"], "trace takes FROM and TO", "write: swarmnet trace web db:5432"),
        (["web", " ->"], "the arrow needs both ends", "write: swarmnet trace 'web -> TO:PORT'"),
        ([" -> db"], "the arrow needs both ends", "write: swarmnet trace 'FROM -> TO:PORT'"),
        (["web-"], "the shell took the > of the arrow for a file", "in quotes: swarmnet trace 'web -> TO:PORT'"),
        (["web", "-"], "the shell took the > of the arrow for a file", "in quotes: swarmnet trace 'web -> TO:PORT'"),
    ],
)
def test_other_words_are_answered_with_what_to_write(words: list[str], message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        ends_of(words)
    assert str(caught.value.hint).endswith(hint)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (("web", "db", ["5432"]), "swarmnet trace web db:5432"),
        (("web", "to", ["db", "80"]), "swarmnet trace web db:80"),
        (("web", "db:80", ["81"]), "swarmnet trace web db:80"),
        (("web", "->", []), "swarmnet trace web TO"),
    ],
)
def test_words_that_are_too_many_are_answered_with_what_was_meant(
    words: tuple[str, str, list[str]], command: str
) -> None:
    assert meant(*words) == command


@pytest.mark.parametrize("words", [("web", "->", "db"), ("web", "->db"), ("web->db",), ("->", "db")])
def test_an_arrow_is_not_taken_for_an_option(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = types(tmp_path, "trace", *words, "-i", "none.yml")
    assert "option" not in ended.stderr
    assert ("none.yml" in ended.stderr) == (words != ("->", "db"))
