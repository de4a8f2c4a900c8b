"""The packed image: small, the same every time, and complete."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.probe_image import bare, build, from_archive, packed
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def archive() -> bytes:
    return build()


def test_the_same_interpreter_gives_the_same_image(archive: bytes) -> None:
    assert build() == archive


def test_the_image_is_small(archive: bytes) -> None:
    assert len(archive) < 10_000_000


def test_the_interpreter_in_the_image_needs_nothing_from_outside(archive: bytes, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as image:
        manifest = json.loads(image.extractfile("manifest.json").read())  # type: ignore[union-attr]
        config = json.loads(image.extractfile(manifest[0]["Config"]).read())  # type: ignore[union-attr]
        for layer in manifest[0]["Layers"]:
            with tarfile.open(fileobj=image.extractfile(layer)) as files:
                files.extractall(tmp_path, filter="fully_trusted")  # noqa: S202 - made by us a moment ago
    environment = dict(entry.split("=", 1) for entry in config["config"]["Env"])
    python = str((tmp_path / "usr/bin/python3").readlink()).lstrip("/")
    loader = next(tmp_path.glob("lib*/ld-*"), None) or next(tmp_path.glob("lib/*/ld-*"))
    code = "import hashlib, json, select, socket, threading, zlib, sys; print(sys.prefix, socket.__file__)"
    done = subprocess.run(
        [loader, "--library-path", tmp_path / "usr/lib/swarmnet", tmp_path / python, "-S", "-c", code],
        env={"PYTHONHOME": f"{tmp_path}{environment['PYTHONHOME']}"},
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().count(str(tmp_path)) == 2


def test_packing_once_is_enough(tmp_path: Path) -> None:
    first = packed(tmp_path)
    (stored,) = tmp_path.iterdir()
    written = stored.stat().st_mtime_ns
    assert packed(tmp_path) == first
    assert stored.stat().st_mtime_ns == written
    assert first.reference.startswith("swarmnet-probe:")


# Named: gzip writes the time into its bytes, and workers must collect the same names.
@pytest.mark.parametrize("data", [b"", b"no tar at all", gzip.compress(b"nor this")], ids=["empty", "plain", "gzip"])
def test_a_file_that_is_no_image_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(data)
    with pytest.raises(UsageError, match="no image archive"):
        from_archive(tmp_path / "image.tar")


def test_a_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        from_archive(tmp_path / "none.tar")


def test_what_is_no_elf_file_is_not_cut() -> None:
    assert bare(b"#!/bin/sh\n") == b"#!/bin/sh\n"
