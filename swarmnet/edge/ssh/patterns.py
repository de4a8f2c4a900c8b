"""Patterns of OpenSSH's files: ``*``, ``?``, comma lists and ``!`` exceptions (ssh_config(5), PATTERNS)."""

from __future__ import annotations

import fnmatch


def matches(name: str, pattern: str) -> bool:
    """Return whether one pattern matches; brackets are plain characters."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))


def matches_list(name: str, patterns: str) -> bool:
    """Return whether a comma list matches: one pattern does, and none that begins with ``!``."""
    taken = False
    for pattern in patterns.split(","):
        if matches(name, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            taken = True
    return taken
