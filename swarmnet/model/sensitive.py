"""Values that must never be printed, gathered where they enter, and how text is freed of them where it leaves.

What came from ``${env:}``, from files, commands and secret sources may appear anywhere: in a URL, a list, an argv, the
error of an engine. So each is marked as it enters (a ``Secret`` marks itself), and the command line writes nothing that
was not masked.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from swarmnet.model.printable import on_one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import JsonValue

HIDDEN = "***"
SHORTEST = 4
"""Characters; masking less than that would hide half of every text, and nothing that short is a secret."""
FEWEST_DIGITS = 6
"""Of a number: ports and counts come from the environment, too."""
LONGEST = 64 * 1024
"""Characters; what is longer is never printed whole."""
_OWN_KEY = re.compile(r"[a-z_]+")
_ORDINARY = frozenset({"true", "false", "none", "null", "localhost"})


class Sensitive:
    """The marked values of one process; threads may share it."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def mark(self, value: bytes | str, *, lines: bool = False) -> None:
        """Never print this value from now on; with ``lines`` none of its lines either."""
        text = (value if isinstance(value, str) else value.decode(errors="replace")).strip()
        found = {text, *(line.strip() for line in text.splitlines())} if lines else {text}
        with self._lock:
            new = {one for one in found if _is_maskable(one)} - self._values
            if new:
                self._values |= new
                self._pattern = None

    @contextmanager
    def scoped(self) -> Iterator[None]:
        """Forget at the end of the block what was marked in it: for programs that do one run after another."""
        with self._lock:
            before = set(self._values)
        try:
            yield
        finally:
            with self._lock:
                self._values, self._pattern = before, None

    def masked(self, text: str) -> str:
        """Return text without any marked value, in whatever form it appears."""
        with self._lock:
            if not self._values:
                return text
            if self._pattern is None:
                forms = {form for value in self._values for form in _forms(value)}
                self._pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
            pattern = self._pattern
        return pattern.sub(HIDDEN, text)

    def masked_json(self, value: JsonValue) -> JsonValue:
        """Return JSON without any marked value; numbers and the keys of its own form stay as they are."""
        if isinstance(value, dict):
            keys = {key: key if _OWN_KEY.fullmatch(key) else self.masked(key) for key in value}
            return {keys[key]: self.masked_json(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self.masked_json(inner) for inner in value]
        return self.masked(value) if isinstance(value, str) else value


SENSITIVE = Sensitive()
"""The marked values of this process: they enter in many places and leave through every stream."""


def _is_maskable(text: str) -> bool:
    if text.lower() in _ORDINARY or not SHORTEST <= len(text) <= LONGEST:
        return False
    return not text.isdecimal() or len(text) >= FEWEST_DIGITS


def _forms(value: str) -> Iterator[str]:
    """Yield how a value looks in text, JSON, shell words, URLs, XML, Python's own notation and base64."""
    import base64  # noqa: PLC0415 - most commands mark nothing, and each help has its time
    import shlex  # noqa: PLC0415 - as above
    from html import escape  # noqa: PLC0415 - as above
    from urllib.parse import quote  # noqa: PLC0415 - as above

    yield base64.b64encode(value.encode(errors="replace")).decode()
    yield quote(value, safe="", errors="replace")
    yield escape(value)
    yield escape(value, quote=False)
    yield escape(value, quote=False).replace('"', "&quot;").replace("\n", "&#10;")
    for plain in {value, shlex.quote(value).strip("'")}:
        yield plain
        yield on_one_line(plain)
        yield repr(plain)[1:-1]
        for ascii_only in (True, False):
            yield json.dumps(plain, ensure_ascii=ascii_only)[1:-1]
            yield on_one_line(json.dumps(plain, ensure_ascii=ascii_only)[1:-1])
