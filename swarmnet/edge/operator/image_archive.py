"""Read what an image archive says of itself, however large or odd it is.

Two forms are known, each plain or compressed: the one of ``docker save`` (``manifest.json`` names configurations and
layers), and the OCI layout (``index.json`` names manifests, which name the same). Newer engines save both in one.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from swarmnet.errors import UsageError
from swarmnet.model.host_image import ArchivedImage, ArchiveFile, ImageArchive
from swarmnet.model.placement_codecs import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_ARCHIVE = 512 * 1024 * 1024
"""Bytes of a probe's archive, of the file and of what it unpacks to."""
_MOST_UNPACKED = 256 * 1024**3
"""Bytes that any other archive may unpack to."""
_MOST_FILES = 100_000
_MOST_IMAGES = 1000
_MAX_DESCRIPTION = 1024 * 1024
"""Bytes of a manifest or of an image's configuration; real ones have some kilobytes."""
_MAX_DESCRIPTIONS = 64 * 1024 * 1024
"""Bytes of all of them."""
_GZIP = b"\x1f\x8b"
_LISTS = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_DEPTH = 4
_NAME, _TAG = "io.containerd.image.name", "org.opencontainers.image.ref.name"
# Damage shows in as many ways as there are ways to compress; all of them mean the same here.
_DAMAGE = (tarfile.TarError, ValueError, LookupError, TypeError, AttributeError, EOFError, RecursionError)


@dataclass(frozen=True, slots=True)
class ProbeArchive:
    """One image in one file, in memory."""

    data: bytes
    reference: str
    """Its one tag."""
    image_id: str
    """``sha256:`` and the digest of its configuration."""
    machine: str | None
    """Architecture in Go's words, such as ``amd64``; None where the image names none."""


def read_archive(path: Path) -> ProbeArchive:
    """Return the image of an archive.

    Raises:
        UsageError: The file does not exist, is too large, unpacks to too much, or does not hold exactly one image with
            one tag.
    """
    try:
        if path.stat().st_size > MAX_ARCHIVE:
            raise UsageError(f"{path}: larger than {MAX_ARCHIVE >> 20} MiB", hint="give --probe-image instead")
        with path.open("rb") as file:
            data = file.read(MAX_ARCHIVE + 1)
        return parsed_archive(data)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise UsageError(
            f"{path}: not an image archive with one tag", hint="make one with: docker save IMAGE:TAG"
        ) from error


def parsed_archive(data: bytes) -> ProbeArchive:
    """Return the image of an archive's bytes; raise one of many errors of Python's own where it is not one."""
    files = _descriptions(io.BytesIO(data), MAX_ARCHIVE)
    if "manifest.json" not in files:
        raise ValueError("it has no manifest.json")
    (image,) = _saved(files)
    (tag,) = image.names
    return ProbeArchive(data=data, reference=tag, image_id=image.config, machine=image.platform.architecture or None)


def describe_archive(path: Path) -> ImageArchive:
    """Return what an archive holds, without its layers: of a plain one some kilobytes are read, of others all.

    Raises:
        UsageError: The file does not exist, or it is not an image archive.
    """
    try:
        if not path.is_file():
            raise UsageError(f"{path} is not a regular file" if path.exists() else f"no such file: {path}")
        with path.open("rb") as file:
            files = _descriptions(file, _MOST_UNPACKED)
        size = path.stat().st_size
        is_saved = "manifest.json" in files
        images = tuple(_saved(files) if is_saved else _laid_out(files))
        if not images:
            raise ValueError("it holds no image")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    except _DAMAGE as error:
        raise UsageError(
            f"{path} is not an image archive", hint="make one with: docker save -o FILE.tar IMAGE:TAG"
        ) from error
    return ImageArchive(file=ArchiveFile(path=str(path), size=size, needs_manifest=not is_saved), images=images)


def _descriptions(file: IO[bytes], most: int) -> dict[str, bytes]:
    """Return the small files of an archive by their path; links, such as old engines write for layers, are left."""
    found: dict[str, bytes] = {}
    unpacked = kept = 0
    with tarfile.open(fileobj=file) as archive:
        for number, member in enumerate(archive):
            unpacked += max(member.size, 0)
            if unpacked > most or number > _MOST_FILES:
                raise ValueError("it unpacks to more than any image")
            inner = archive.extractfile(member) if member.isreg() and member.size <= _MAX_DESCRIPTION else None
            if inner is None:
                continue
            data = inner.read()
            if data.lstrip()[:1] in (b"{", b"["):
                kept += len(data)
                found[member.name.removeprefix("./")] = data
            if kept > _MAX_DESCRIPTIONS:
                raise ValueError("it describes more than any image needs")
    return found


def _saved(files: dict[str, bytes]) -> Iterator[ArchivedImage]:
    """Yield the images of ``manifest.json``, with the manifests of the OCI layout next to it."""
    entries = json.loads(files["manifest.json"])
    if not isinstance(entries, list) or len(entries) > _MOST_IMAGES:
        raise ValueError("manifest.json is not a list of images")
    manifests: dict[str, tuple[str, ...]] = {}
    for one in _laid_out(files) if "index.json" in files else ():
        manifests[one.config] = (*manifests.get(one.config, ()), *one.manifests)
    for entry in entries:
        config = files[entry["Config"].removeprefix("./")]
        image = _configured(
            config, tuple(map(str, entry.get("RepoTags") or ())), tuple(map(str, entry.get("Layers") or ()))
        )
        yield image.model_copy(update={"manifests": manifests.get(image.config, ())})


def _laid_out(files: dict[str, bytes]) -> Iterator[ArchivedImage]:
    """Yield the images of ``index.json`` and of the lists in it; what is for no platform (attestations) is none."""
    yield from _listed(files, json.loads(files["index.json"]), (), (), _DEPTH)


def _listed(
    files: dict[str, bytes],
    index: dict[str, Any],
    names: tuple[str, ...],
    above: tuple[str, ...],
    depth: int,
) -> Iterator[ArchivedImage]:
    entries = index["manifests"]
    if depth == 0 or len(entries) > _MOST_IMAGES:
        raise ValueError("its lists are nested too deeply, or too long")
    for entry in entries:
        if (entry.get("platform") or {}).get("os") == "unknown":
            continue
        blob = files.get(_blob(entry["digest"]))
        if blob is None:  # a list names all platforms of an image, and an archive may have some of them
            continue
        called = (*names, *_names(entry.get("annotations") or {}))
        digests, content = (*above, entry["digest"]), json.loads(blob)
        if entry.get("mediaType") in _LISTS or "manifests" in content:
            yield from _listed(files, content, called, digests, depth - 1)
        elif (config := files.get(_blob(content["config"]["digest"]))) is not None:
            layers = tuple(_blob(one["digest"]) for one in content["layers"])
            yield _configured(config, called, layers).model_copy(update={"manifests": digests})


def _names(annotations: dict[str, str]) -> tuple[str, ...]:
    """Return the whole names that an entry has; some tools write the tag alone."""
    found = (str(annotations.get(key) or "") for key in (_NAME, _TAG))
    return tuple(dict.fromkeys(one for one in found if ":" in one or "/" in one))


def _blob(digest: str) -> str:
    algorithm, _, text = digest.partition(":")
    return f"blobs/{algorithm}/{text}"


def _configured(data: bytes, names: tuple[str, ...], blobs: tuple[str, ...]) -> ArchivedImage:
    config = json.loads(data)
    layers = (config.get("rootfs") or {}).get("diff_ids") or ()
    return ArchivedImage(
        names=names,
        config=f"sha256:{hashlib.sha256(data).hexdigest()}",
        platform=Platform(os=_word(config, "os"), architecture=_word(config, "architecture")),
        layers=tuple(map(str, layers)),
        blobs=blobs,
        created=_word(config, "created"),
    )


def _word(config: dict[str, Any], key: str) -> str:
    value = config.get(key)
    return value if isinstance(value, str) else ""


def manifest_of(file: IO[bytes], image: ArchivedImage, name: str) -> bytes:
    """Return the beginning of a tar file with a ``manifest.json``, compressed as the file is: the rest may follow."""
    entry = {"Config": _blob(image.config), "RepoTags": [name], "Layers": list(image.blobs)}
    data = json.dumps([entry]).encode()
    member = tarfile.TarInfo("manifest.json")
    member.size = len(data)
    padding = bytes(-len(data) % tarfile.BLOCKSIZE)
    head = member.tobuf(tarfile.USTAR_FORMAT) + data + padding
    first = file.read(len(_GZIP))
    file.seek(0)
    if first == _GZIP:
        return gzip.compress(head, mtime=0)
    if _is_plain(file):
        return head
    raise UsageError(f"{file.name} is compressed in a way that cannot be extended", hint="unpack it, or use gzip")


def _is_plain(file: IO[bytes]) -> bool:
    try:
        with tarfile.open(fileobj=file, mode="r:"):
            return True
    except tarfile.TarError:
        return False
    finally:
        file.seek(0)
