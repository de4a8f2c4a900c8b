"""What an image of this very swarmnet is built from: its wheel, the versions of what it needs, and a Dockerfile."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from importlib import metadata, resources
from typing import TYPE_CHECKING

from swarmnet.errors import UnwrittenError
from swarmnet.files import make_folder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

EXTRAS = ("s3", "notify")
"""What a scheduler may need besides: buckets, and services that hear of failures."""
_NAME = "swarmnet"
_DOCKERFILE = """\
# Made by `swarmnet schedule image`. Any image with python3 >= {python} and grep is good as the base.
ARG BASE=python:3.13-slim
FROM $BASE
COPY {wheel} constraints.txt /tmp/
RUN python3 -m pip install --no-cache-dir --constraint /tmp/constraints.txt "/tmp/{wheel}[{extras}]"
CMD ["python3", "-m", "swarmnet", "--help"]
"""
_TIME = (1980, 1, 1, 0, 0, 0)
"""The same time for all files: the same program gives the same bytes."""
_WHEEL = "Wheel-Version: 1.0\nGenerator: swarmnet\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_REQUIRED = re.compile(r"\s*([A-Za-z0-9._-]+)")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True, slots=True)
class Written:
    """What is in the folder now."""

    version: str
    files: tuple[str, ...]


def write_context(folder: Path) -> Written:
    """Write what ``docker build`` needs into a folder; files of the same names are replaced.

    Raises:
        UsageError: the folder cannot be written.
    """
    name, data = wheel()
    python = metadata.metadata(_NAME)["Requires-Python"].lstrip(">= ")
    dockerfile = _DOCKERFILE.format(wheel=name, extras=",".join(EXTRAS), python=python)
    files = {"Dockerfile": dockerfile.encode(), "constraints.txt": constraints().encode(), name: data}
    try:
        make_folder(folder)
        for one, content in files.items():
            write_atomically(folder / one, content, mode=0o644)
    except OSError as error:
        raise UnwrittenError(folder, error, hint="name a folder of yours") from None
    return Written(metadata.version(_NAME), tuple(files))


def wheel() -> tuple[str, bytes]:
    """Return name and bytes of a wheel of the swarmnet that runs: also of one that was never published."""
    version = metadata.version(_NAME)
    info = f"{_NAME}-{version}.dist-info"
    described = metadata.distribution(_NAME).read_text("METADATA") or ""
    files = dict(_sources(resources.files(_NAME), _NAME))
    files |= {f"{info}/METADATA": described.encode(), f"{info}/WHEEL": _WHEEL.encode()}
    record = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = ("\n".join([*record, f"{info}/RECORD,,"]) + "\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, _TIME), data, zipfile.ZIP_DEFLATED)
    return f"{_NAME}-{version}-py3-none-any.whl", out.getvalue()


def _sources(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir() and one.name != "__pycache__":
            yield from _sources(one, f"{path}/{one.name}")
        elif one.is_file():
            yield f"{path}/{one.name}", one.read_bytes()


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")


def constraints() -> str:
    """Return the versions of what is installed here and swarmnet needs, a line each: what was tried is what runs."""
    return "".join(f"{name}=={metadata.version(name)}\n" for name in needed(EXTRAS))


def needed(extras: tuple[str, ...]) -> tuple[str, ...]:
    """Return the packages that swarmnet with these extras needs, as far as they are installed here."""
    found: dict[str, None] = {}
    waiting = [(_NAME, extras)]
    while waiting:
        name, wanted = waiting.pop()
        for line in metadata.requires(name) or ():
            other, extra = _REQUIRED.match(line), _EXTRA.search(line)
            if other is None or (extra is not None and extra[1] not in wanted):
                continue
            called = re.sub(r"[-_.]+", "-", other[1]).lower()
            if called not in found and _is_here(called):
                found[called] = None
                waiting.append((called, ()))
    return tuple(sorted(found))


def _is_here(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
