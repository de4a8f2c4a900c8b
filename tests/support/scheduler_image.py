"""The image of a scheduler without a registry: this machine's Python, and the wheel of swarmnet with what it needs."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import swarmnet
from swarmnet.edge.operator.probe_image import bare
from swarmnet.edge.operator.scheduler_image import needed, wheel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.lab import Lab

IMAGE = "swarmnet-scheduler:test"
_LIBRARIES = "usr/lib/scheduler"
_UNUSED = (
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "site-packages",
    "pydoc_data",
    "_tkinter",
)
"""Folders of the standard library that no program here imports."""
_UNREAD = ("pygments/lexers", "pygments/styles", "apprise")


def load_image(lab: Lab, folder: Path, hosts: Iterable[str]) -> str:
    """Import the image on hosts of the lab, from a file that is made in the folder; return its name."""
    archive = folder / "scheduler.tar"
    if not archive.exists():
        _write(archive, folder / "wheel")
    environment = f"PATH=/usr/bin LD_LIBRARY_PATH=/{_LIBRARIES} PYTHONHOME={sys.base_prefix} PYTHONPATH=/opt/scheduler"
    changes = [word for pair in environment.split() for word in ("--change", f"ENV {pair}")]
    for host in map(lab.host, hosts):
        argv = lab.kind(host).inside(host, ["docker", "import", *changes, "-", IMAGE])
        with archive.open("rb") as file:
            done = subprocess.run(argv, stdin=file, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
    return IMAGE


def _write(archive: Path, unpacked: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel()[1])) as packed:
        packed.extractall(unpacked, [one for one in packed.namelist() if ".dist-info/" in one])  # noqa: S202 - our own
    with tarfile.open(archive, "w") as out:
        binaries = [Path(sys.executable).resolve(), Path(str(shutil.which("grep"))).resolve()]
        out.add(binaries[0], "usr/bin/python3")
        out.add(binaries[1], "usr/bin/grep")
        for name, path in {name: path for path, name in (*_standard(), *_packages())}.items():
            if ".so" not in path.suffixes:
                out.add(path, name, recursive=False)
            elif path.name.partition(".")[0] not in _UNUSED:
                _add(out, path, name)
                binaries.append(path)
        out.add(Path(swarmnet.__file__).parent, "opt/scheduler/swarmnet")  # with bytecode, which saves a start seconds
        out.add(unpacked, "opt/scheduler")
        for name, library in _libraries(binaries).items():
            _add(out, library, name)
        for name in ("tmp", "proc", "sys", "dev", "etc", "run"):
            made = tarfile.TarInfo(name)
            made.type, made.mode = tarfile.DIRTYPE, 0o755
            out.addfile(made)


def _add(out: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a binary without its symbols."""
    member, data = tarfile.TarInfo(name), bare(path.read_bytes())
    member.size, member.mode = len(data), 0o755
    out.addfile(member, io.BytesIO(data))


def _standard() -> Iterator[tuple[Path, str]]:
    root = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix, "base": sys.base_prefix}))
    for folder, folders, files in os.walk(root):
        folders[:] = [one for one in folders if one not in _UNUSED and not one.startswith("config-")]
        for one in files:
            path = Path(folder, one)
            yield path, str(path).lstrip("/")


def _packages() -> Iterator[tuple[Path, str]]:
    for name in needed(()):
        for file in metadata.files(name) or ():
            if str(file).startswith(("..", *_UNREAD)):
                continue
            path = Path(str(file.locate()))
            cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
            for one, called in ((path, file), (cached, file.parent / "__pycache__" / cached.name)):
                if one.is_file():
                    yield one, f"opt/scheduler/{called}"


def _libraries(binaries: Iterable[Path]) -> dict[str, Path]:
    """Return the shared libraries by their path in the image: in one folder, the loader at its fixed path."""
    found: dict[str, Path] = {}
    for binary in binaries:
        done = subprocess.run(["/usr/bin/ldd", str(binary)], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if named := re.match(r"\s*(\S+) => (/\S+) \(", line):
                found[f"{_LIBRARIES}/{named[1]}"] = Path(named[2]).resolve()
            elif loader := re.match(r"\s*(/\S+) \(", line):
                found[loader[1].lstrip("/")] = Path(loader[1]).resolve()
    return found
