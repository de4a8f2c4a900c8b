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


ENGINES = {
    "1.41": "20.10",
    "1.42": "23.0",
    "1.43": "24.0",
    "1.44": "25.0",
    "1.45": "26.0",
    "1.46": "27.0",
    "1.47": "27.2",
    "1.48": "28.0",
    "1.49": "28.1",
    "1.50": "28.2",
    "1.51": "28.3",
    "1.52": "29.0",
}
"""The first engine with each version of the API (moby, docs of the API)."""


def first_engine(api: str) -> str:
    """Return the first engine that has an API version, for people."""
    return ENGINES.get(api, f"with API {api}")


def api_of_engine(version: str) -> ApiVersion:
    """Return the API version of an engine such as ``26.1.5``; one that says nothing readable has the oldest."""
    found = _FORM.match(version)
    if found is None:
        return ApiVersion(0, 0)
    mine = int(found[1]), int(found[2])
    known = [api for api, first in ENGINES.items() if ApiVersion.parse(first) <= mine]
    return ApiVersion.parse(known[-1]) if known else ApiVersion(0, 0)


def release(version: str) -> tuple[int, ...]:
    """Return the numbers that an engine's version begins with: 20.10.24+dfsg1 is (20, 10, 24); none for other text."""
    found = re.match(r"[0-9]{1,4}(\.[0-9]{1,4})*", version)
    return () if found is None else tuple(map(int, found[0].split(".")))


OLDEST_API = ApiVersion(1, 41)
"""Of engine 20.10, the oldest that swarmnet works with."""
