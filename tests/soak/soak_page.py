"""The page of verify in a browser without a network: its drawing is there, in its colours, and nothing is fetched.

Chromium is Debian's package ``chromium``. It runs in a network namespace of its own, since it looks for updates itself.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pytest

from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.verify import verify_report
from tests.report.test_page import page_of, stops, with_tasks
from tests.support.verified import a_verification

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
FAILED, PAPER = (0xB8, 0x4A, 0x00), (0xFF, 0xFF, 0xFF)
"""Two colours of the light style."""
ITSELF = "not an origin"
"""Who asks where Chromium asks for itself."""
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,2400"),
)


def browsed(page: Path, folder: Path, *more: str) -> str:
    """Return what Chromium prints of a page."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program, "no chromium: apt-get install chromium"
    words = ("unshare", "--net", program, *OPTIONS, f"--user-data-dir={folder / 'profile'}", *more, page.as_uri())
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


def asked(log: Path) -> list[str]:
    """Return what a page asked for, by Chromium's log of the network."""
    found = json.loads(log.read_text(encoding="utf-8"))
    begins = found["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    params = [one["params"] for one in found["events"] if one["type"] == begins and "url" in one.get("params", {})]
    return [one["url"] for one in params if one.get("initiator", ITSELF) != ITSELF]


def colours(image: Path) -> set[tuple[int, ...]]:
    """Return the colours of a PNG of 8 bits a channel."""
    data, at, packed = image.read_bytes(), 8, b""
    width, height, depth, kind = struct.unpack_from(">IIBB", data, 16)
    size = {2: 3, 6: 4}[kind]
    assert depth == 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        packed += data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    raw, found, above = zlib.decompress(packed), set[tuple[int, ...]](), bytes(width * size)
    for row in range(height):
        start = row * (width * size + 1)
        above = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + width * size]), above, size)
        found |= {tuple(above[x : x + 3]) for x in range(0, len(above), size)}
    return found


def unfiltered(how: int, line: bytearray, above: bytes, size: int) -> bytes:
    """Return one row of a PNG as its filter was before (PNG 1.2, section 6)."""
    for x in range(len(line)):
        left, up = (line[x - size] if x >= size else 0), above[x]
        corner = above[x - size] if x >= size else 0
        guess = left + up - corner
        nearest = min((left, up, corner), key=lambda one: abs(guess - one))
        line[x] = (line[x] + (0, left, up, (left + up) // 2, nearest)[how]) % 256
    return bytes(line)


def page(folder: Path, text: str) -> Path:
    path = folder / "page.html"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_page_of_twenty_hosts_is_drawn_in_its_colours_and_fetches_nothing(tmp_path: Path) -> None:
    text = FORMATS["html"].render(verify_report(with_tasks(a_verification(20, 30)), verbose=False))
    log, picture = tmp_path / "net.json", tmp_path / "page.png"
    shown = browsed(page(tmp_path, text), tmp_path, f"--log-net-log={log}", "--dump-dom")
    (drawing,) = page_of("".join(one if one.isascii() else "?" for one in shown)).all("svg")
    assert len(stops(drawing)) == 20 * 30
    assert [one for one in asked(log) if not one.startswith("file:")] == []
    browsed(tmp_path / "page.html", tmp_path, f"--screenshot={picture}")
    assert {FAILED, PAPER} <= colours(picture)


def test_a_page_that_fetches_something_would_be_found(tmp_path: Path) -> None:
    log = tmp_path / "net.json"
    browsed(page(tmp_path, '<img src="http://192.0.2.7/x.png">'), tmp_path, f"--log-net-log={log}", "--dump-dom")
    assert asked(log) == ["http://192.0.2.7/x.png"]
