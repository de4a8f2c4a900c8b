"""Lines of ssh_config files as words, and what stands for something else in them: ``%h``, ``${HOME}``, ``~``.

The rules are those of OpenSSH's ``strdelim``, ``argv_split`` and ``percent_dollar_expand`` (misc.c).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_KEYWORD = re.compile(
    r'[ \t\r]*(?:"(?P<quoted>[^"]*)"[ \t\r]*|(?P<plain>[^ \t\r="]+)[ \t\r]*=?[ \t\r]*)(?P<rest>.*)', re.DOTALL
)
_ESCAPE = re.compile(r"""\\(["'\\])""")
_INSIDE = r"""\\["'\\]|\\(?!["'\\])"""
_PIECE = re.compile(
    rf"""\\(?P<escaped>["'\\ ])|"(?P<double>(?:[^"\\]|{_INSIDE})*)"|"""
    rf"""'(?P<single>(?:[^'\\]|{_INSIDE})*)'|(?P<plain>[^ \t"'])"""
)
_TOKEN = re.compile(r"%(.?)|\$\{([^}]*)(\}?)", re.DOTALL)

Tokens = Mapping[str, str]
"""What each letter after ``%`` stands for."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    def error(self, text: str) -> UsageError:
        """Return the error for this line."""
        return UsageError(f"{self}: {text}", hint="ssh refuses this line, too: ssh -G HOST shows how it reads the file")


@dataclass(frozen=True, slots=True)
class Directive:
    """One line: its keyword in lower case, and what follows."""

    place: Place
    keyword: str
    rest: str
    """As written: commands are not split into words."""
    words: tuple[str, ...]

    @property
    def first(self) -> str:
        """The first word; raises ``UsageError`` when there is none."""
        if not self.words or not self.words[0]:
            raise self.place.error(f"{self.keyword} has no value")
        return self.words[0]


def read_directives(file: Path, text: str) -> tuple[Directive, ...]:
    """Return a file's lines, without comments and empty ones; raises ``UsageError`` for a quote that is not closed."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        place = Place(file, number)
        parts = _KEYWORD.fullmatch(line.rstrip(" \t\r\f"))
        if parts is None or (parts["plain"] or "").startswith("#"):
            continue
        keyword = (parts["quoted"] if parts["plain"] is None else parts["plain"]).lower()
        if not parts["rest"]:
            raise place.error(f"{keyword} has no value")
        found.append(Directive(place, keyword, parts["rest"], split(parts["rest"], place)))
    return tuple(found)


def split(text: str, place: Place) -> tuple[str, ...]:
    """Split as ssh does: quotes of both kinds, backslash before quotes, itself and blanks; ``#`` begins a comment."""
    words: list[str] = []
    rest = text.lstrip(" \t")
    while rest and not rest.startswith("#"):
        word = ""
        while rest and rest[0] not in " \t":
            piece = _PIECE.match(rest)
            if piece is None:
                raise place.error("a quote is not closed")
            word += piece["plain"] or piece["escaped"] or _ESCAPE.sub(r"\1", piece["double"] or piece["single"] or "")
            rest = rest[piece.end() :]
        words.append(word)
        rest = rest.lstrip(" \t")
    return tuple(words)


def expand(text: str, tokens: Tokens, place: Place, *, environment: Mapping[str, str] | None = None) -> str:
    """Return the text with its ``%`` tokens, and with an environment its ``${}`` variables, filled in.

    Raises:
        UsageError: an unknown token or variable.
    """

    def fill(found: re.Match[str]) -> str:
        letter = found[1]
        if letter == "%":
            return "%"
        if letter is None:
            return found[0] if environment is None else _variable(found, place, environment)
        if letter not in tokens:
            raise place.error(f"unknown token %{letter}")
        return tokens[letter]

    return _TOKEN.sub(fill, text)


def expand_variables(text: str, place: Place, environment: Mapping[str, str]) -> str:
    """Return the text with its ``${}`` variables alone filled in; raises ``UsageError`` for one that is not set."""
    return _TOKEN.sub(lambda found: found[0] if found[2] is None else _variable(found, place, environment), text)


def _variable(found: re.Match[str], place: Place, environment: Mapping[str, str]) -> str:
    if not found[3]:
        raise place.error("${ has no closing brace")
    if found[2] not in environment:
        raise place.error(f"environment variable {found[2]} is not set")
    return environment[found[2]]
