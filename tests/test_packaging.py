"""What is installed is whole: it declares what it imports, runs from its wheel; pinned versions are hashed (E9)."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[<>=\[ ;]", one)[0]) for one in requirements}


def imported() -> set[str]:
    """Return the top-level modules that swarmnet imports, at whatever depth of its code."""
    found = set()
    for path in (ROOT / "swarmnet").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    of_others = {"_typeshed", "pydantic_core"}  # the type checker's; pydantic's own, in the one version that it takes
    return found - set(sys.stdlib_module_names) - {"swarmnet"} - of_others


def test_l2_every_package_that_is_imported_is_declared() -> None:
    distributions = packages_distributions()
    needed = {normal(distributions[module][0]) for module in imported()}

    extras = PROJECT["optional-dependencies"]
    assert needed <= named(PROJECT["dependencies"] + extras["s3"] + extras["notify"])


@pytest.mark.parametrize("pins", ["runtime", "dev"])
def test_l2_every_pinned_version_has_its_hashes(pins: str) -> None:
    text = (ROOT / f".ci/{pins}.txt").read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    declared = named(PROJECT["dependencies"] + (PROJECT["optional-dependencies"]["dev"] if pins == "dev" else []))

    assert all("==" in one and "--hash=sha256:" in one for one in entries)
    assert declared <= {normal(one.partition("==")[0]) for one in entries}
    assert "://" not in text


def test_a_wheel_holds_all_that_it_needs_and_runs_as_a_module(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*build, str(tmp_path), str(ROOT)], check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "unpacked")
    shipped = {str(path.relative_to(tmp_path / "unpacked")) for path in (tmp_path / "unpacked/swarmnet").rglob("*.*")}
    tracked = subprocess.check_output(["/usr/bin/env", "git", "ls-files", "swarmnet"], cwd=ROOT, text=True).split()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "unpacked")}

    said = subprocess.check_output(
        [sys.executable, "-P", "-m", "swarmnet", "--help"], cwd=tmp_path, env=environment, text=True, timeout=60
    )

    assert set(tracked) <= shipped
    assert "apply" in said
