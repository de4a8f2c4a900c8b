"""The packed image: small, the same every time, and complete."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from swarmnet.edge.operator.probe_image import bare, build, from_archive, packed
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
        timeout=240,
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
def test_a_file_other_than_an_image_archive_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(data)
    with pytest.raises(UsageError, match="not an image archive"):
        from_archive(tmp_path / "image.tar")


def archive_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as image:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            image.addfile(member, io.BytesIO(data))
    return out.getvalue()


def image_of(manifest: object, config: object = ()) -> bytes:
    return archive_of({"manifest.json": json.dumps(manifest).encode(), "c.json": json.dumps(config).encode()})


ONE = [{"RepoTags": ["probe:1"], "Config": "c.json"}]
NO_CONFIGS: tuple[object, ...] = (None, [], "amd64", 7)


@pytest.mark.parametrize(
    "data",
    [
        archive_of({}),
        archive_of({"manifest.json": b"[" * 100_000}),
        archive_of({"manifest.json": b" " * 2_000_000}),
        *map(
            image_of, (None, 1, "x", [], {}, [1], [None], [[]], [{}], ONE * 2, [{"RepoTags": None, "Config": "c.json"}])
        ),
        image_of([{"RepoTags": ["a:1", "b:1"], "Config": "c.json"}]),
        image_of([{"RepoTags": ["a:1"], "Config": 7}]),
        image_of([{"RepoTags": ["a:1"], "Config": "absent"}]),
        *(image_of(ONE, config) for config in NO_CONFIGS),
        image_of(ONE, {})[:-30],
    ],
    ids=lambda _: "",
)
def test_l1_an_archive_of_any_other_form_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(data)
    with pytest.raises(UsageError, match="not an image archive"):
        from_archive(tmp_path / "image.tar")


def test_l1_an_archive_that_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("layer.tar")
    huge.size = 600 * 1024 * 1024
    (tmp_path / "image.tar").write_bytes(gzip.compress(huge.tobuf(), mtime=0))
    with pytest.raises(UsageError, match="not an image archive"):
        from_archive(tmp_path / "image.tar")


def test_an_architecture_that_no_engine_has_is_taken_as_unknown(tmp_path: Path) -> None:
    (tmp_path / "image.tar").write_bytes(image_of(ONE, {"architecture": ["amd64"]}))
    assert from_archive(tmp_path / "image.tar").architecture is None


def test_a_missing_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        from_archive(tmp_path / "none.tar")


def test_files_other_than_elf_are_not_cut() -> None:
    assert bare(b"#!/bin/sh\n") == b"#!/bin/sh\n"
