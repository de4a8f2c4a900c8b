"""The docs' recipe for those who have a backup and no swarmnet, run with the real programs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "open-a-backup.md"


def run_recipe(directory: Path, backup: Path, identity: Path, signers: Path) -> subprocess.CompletedProcess[str]:
    """Run the recipe in a directory."""
    return run_block(0, directory, backup, identity, signers)


def run_block(
    number: int, directory: Path, backup: Path, identity: Path, signers: Path
) -> subprocess.CompletedProcess[str]:
    """Run one of the page's blocks of shell in a directory."""
    recipe = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)[number]
    names = {"BACKUP": str(backup), "IDENTITY": str(identity), "SIGNERS": str(signers), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", recipe],
        cwd=directory,
        env=names,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def opened_by_recipe(directory: Path, backup: Path, identity: Path, keys: Path) -> Any:  # noqa: ANN401 - a document
    """Return the document of a backup, after the recipe found everything right."""
    done = run_recipe(directory, backup, Path(identity), Path(keys) / "signers.txt")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count('Good "') == 2
    return json.loads((directory / "document.json").read_text())
