"""What a merge left undecided is in no tracked file: Markdown, YAML and JSON would carry it unseen."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_MARKER = r"^(<{7}|\|{7}|>{7})( |$)|^={7}$"
"""How git begins the parts of a conflict, and parts them."""


def marked(folder: Path, *options: str) -> list[str]:
    """Return the lines of text files that are markers, with file and number."""
    found = subprocess.run(
        ["/usr/bin/env", "git", "grep", *options, "-nIE", _MARKER],
        cwd=folder,
        text=True,
        check=False,
        capture_output=True,
    )
    assert found.returncode in (0, 1), found.stderr
    return found.stdout.splitlines()


def test_no_tracked_file_holds_conflict_markers() -> None:
    assert marked(ROOT) == []


@pytest.mark.parametrize("marker", ["<" * 7 + " HEAD", "|" * 7 + " 1a2b3c4", "=" * 7, ">" * 7 + " topic"])
def test_each_marker_is_found(tmp_path: Path, marker: str) -> None:
    (tmp_path / "page.md").write_text(f"one\n{marker}\ntwo\n")

    assert marked(tmp_path, "--no-index") == [f"page.md:2:{marker}"]
