"""Versions of the Engine API, which are compared as numbers: 1.9 is older than 1.41."""

from __future__ import annotations

import re
from typing import NamedTuple

_FORM = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})")


class ApiVersion(NamedTuple):
    """A version of the Engine API."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> ApiVersion:
        """Return the version that a text such as ``1.45`` names.

        Raises:
            ValueError: the text has another form.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is not an API version such as 1.45")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def read(cls, text: str) -> ApiVersion:
        """Return the version that a text names; a text of another form, which no engine sends, is the oldest of all."""
        return cls.parse(text) if _FORM.fullmatch(text) else cls(0, 0)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OLDEST_API = ApiVersion(1, 41)
"""Of engine 20.10, the oldest that swarmnet works with."""
