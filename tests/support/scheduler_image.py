"""The image of a scheduler without a registry: this machine's Python, and the wheel of swarmnet with what it needs."""

from __future__ import annotations

import ensurepip
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
from swarmnet.edge.operator.scheduler_image import EXTRAS, needed, wheel, write_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.lab import Lab

IMAGE, BASE = "swarmnet-scheduler:test", "swarmnet-scheduler-base:test"
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
        with tarfile.open(archive, "w") as out:
            _whole(out, folder / "wheel")
    _import(lab, hosts, archive, IMAGE, PYTHONPATH="/opt/scheduler")
    return IMAGE


def build_image(lab: Lab, folder: Path, hosts: Iterable[str]) -> str:
    """Build the image from what ``swarmnet schedule image`` writes, with Docker on each of the hosts; return its name.

    The base has this machine's Python, with pip and the packages that PyPI would give: no host reaches PyPI.
    """
    archive, context = folder / "base.tar", folder / "context"
    with tarfile.open(archive, "w") as out:
        _offline(out, folder)
    write_context(context)
    with tarfile.open(folder / "context.tar", "w", format=tarfile.USTAR_FORMAT) as out:  # docker knows no other
        out.add(context, ".")
    hosts = tuple(hosts)
    _import(lab, hosts, archive, BASE, PYTHONPATH="/opt/pip", PIP_NO_INDEX="1", PIP_FIND_LINKS="/opt/packages")
    for host in hosts:
        _feed(lab, host, ["docker", "build", "--build-arg", f"BASE={BASE}", "-t", IMAGE, "-"], folder / "context.tar")
    return IMAGE


def _import(lab: Lab, hosts: Iterable[str], archive: Path, name: str, **environment: str) -> None:
    fixed = {
        "PATH": f"/usr/bin:{sys.base_prefix}/bin",
        "LD_LIBRARY_PATH": f"/{_LIBRARIES}",
        "PYTHONHOME": sys.base_prefix,
    }
    changes = [word for key, value in (fixed | environment).items() for word in ("--change", f"ENV {key}={value}")]
    for host in hosts:
        _feed(lab, host, ["docker", "import", *changes, "-", name], archive)


def _feed(lab: Lab, host: str, argv: list[str], stdin: Path) -> None:
    there = lab.host(host)
    with stdin.open("rb") as file:
        done = subprocess.run(lab.kind(there).inside(there, argv), stdin=file, check=False, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _whole(out: tarfile.TarFile, unpacked: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(wheel()[1])) as packed:
        packed.extractall(unpacked, [one for one in packed.namelist() if ".dist-info/" in one])  # noqa: S202 - our own
    _interpreter(out, _packages())
    out.add(Path(swarmnet.__file__).parent, "opt/scheduler/swarmnet")  # with bytecode, which saves a start seconds
    out.add(unpacked, "opt/scheduler")


def _offline(out: tarfile.TarFile, folder: Path) -> None:
    with zipfile.ZipFile(next((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))) as packed:
        packed.extractall(folder / "pip")  # noqa: S202 - Python's own
    _interpreter(out, (), linked=[path for path, _name in _packages() if ".so" in path.suffixes])
    out.add(folder / "pip", "opt/pip")
    for name in needed(EXTRAS):
        path = _packed_again(metadata.distribution(name), folder)
        out.add(path, f"opt/packages/{path.name}")


def _packed_again(installed: metadata.Distribution, folder: Path) -> Path:
    """Return a wheel of what is installed here, as it came from PyPI, without its commands."""
    described = installed.read_text("WHEEL") or ""
    tag = next(line.partition(":")[2].strip() for line in reversed(described.splitlines()) if line.startswith("Tag:"))
    name = re.sub(r"[-_.]+", "_", installed.metadata["Name"])
    path = folder / f"{name}-{installed.version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as out:
        for file in installed.files or ():
            if not str(file).startswith("..") and file.suffix != ".pyc" and file.locate().is_file():  # type: ignore[attr-defined]
                out.write(str(file.locate()), str(file))
    return path


def _interpreter(out: tarfile.TarFile, packages: Iterable[tuple[Path, str]], *, linked: Iterable[Path] = ()) -> None:
    """Add this machine's Python, the programs that it needs, packages by their names there, and all libraries."""
    binaries = {"usr/bin/python3": Path(sys.executable).resolve()}
    binaries |= {name: Path(str(shutil.which(Path(name).name))).resolve() for name in ("usr/bin/grep", "bin/sh")}
    for name, path in binaries.items():
        out.add(path, name)
    programs = [*binaries.values(), *linked]
    for name, path in {name: path for path, name in (*_standard(), *packages)}.items():
        if ".so" not in path.suffixes:
            out.add(path, name, recursive=False)
        elif path.name.partition(".")[0] not in _UNUSED:
            _add(out, path, name)
            programs.append(path)
    for name, library in _libraries(programs).items():
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
