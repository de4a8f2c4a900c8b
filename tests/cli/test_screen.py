"""The only way out for text: what steers a terminal is shown instead of sent, and marked values are masked (M4, H8)."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from swarmnet.cli.streams import Screen
from swarmnet.model.base import Secret

STEERING = "\x1b[2J \x1b]0;title\x07 \x9b31m \u202egnp.exe \r \x1b[8mhidden \x7f \u2066 \ud800"


def written(text: str) -> str:
    stream = io.BytesIO()
    screen = Screen(stream, encoding="utf-8", errors="backslashreplace", write_through=True)
    screen.write(text)
    return stream.getvalue().decode()


def test_what_steers_a_terminal_is_shown() -> None:
    assert written(STEERING).isprintable()
    assert written("two\nlines\tand a tab\n") == "two\nlines\tand a tab\n"


def test_a_secret_is_masked_everywhere() -> None:
    Secret("a-secret-of-this-test")

    assert written("mysql -pa-secret-of-this-test failed") == "mysql -p*** failed"


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_at_a_terminal_own_colours_pass_and_no_other_sequence_does(where: str) -> None:
    ours, theirs = pty.openpty()
    text = "\x1b[31mred\x1b[0m" + STEERING.encode(errors="replace").decode()
    code = f"import sys; from swarmnet.cli import streams; streams.complete(); sys.{where}.write({text!r})"
    subprocess.run([sys.executable, "-c", code], stdout=theirs, stderr=theirs, check=True, timeout=240)
    os.close(theirs)
    shown = os.read(ours, 4096).decode()
    os.close(ours)

    assert shown.startswith("\x1b[31mred\x1b[0m")
    assert shown.removeprefix("\x1b[31mred\x1b[0m").isprintable()


def test_the_trace_of_a_bug_forges_no_line_either() -> None:
    code = (
        "import sys; from swarmnet.cli import main, streams; streams.complete(); sys.excepthook = main._unexpected;"
        f" raise KeyError({STEERING!r} + '\\nok: forged')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=240)

    assert done.returncode == 1
    assert "KeyError: " in done.stderr.splitlines()[-1]
    assert all(line.isprintable() for line in done.stderr.splitlines())
