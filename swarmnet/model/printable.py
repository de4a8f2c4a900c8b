"""Text of others without what steers a terminal: control characters, changes of direction, line breaks."""

from __future__ import annotations

import re


def printable(text: str) -> str:
    """Return text with control characters shown, so that it cannot steer a terminal; line breaks and tabs stay."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text)


def on_one_line(text: str) -> str:
    """Return printable text without line breaks, so that a name cannot pretend to be another line of a report."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


_IDS = re.compile(r"\b[0-9a-z]{25}\b|\b[0-9a-f]{64}\b|(?<=\bgateway_)[0-9a-f]{12}\b")
"""Ids of tasks and endpoints, which differ from one attempt to the next; short ones in ``gateway_96a49d6d24b3``."""


def without_ids(text: str) -> str:
    """Return an engine's message without ids of tasks and endpoints."""
    return _IDS.sub("...", text)
