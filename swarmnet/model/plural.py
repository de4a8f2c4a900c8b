"""Numbers with what they count, in words that agree with them."""

from __future__ import annotations


def count(number: int, one: str, several: str = "") -> str:
    """Return ``1 host``, ``2 hosts``; ``several`` is for words to which no ``s`` is added, such as ``hosts agree``."""
    return f"{number} {one}" if number == 1 else f"{number} {several or f'{one}s'}"
