"""Image archives with one small file: as ``docker save`` writes them, and as OCI layouts."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

CREATED = "2024-05-06T07:08:09Z"


def tar_of(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


def saved(*names: str, content: bytes = b"hello", architecture: str = "amd64") -> bytes:
    """Return a ``docker save`` archive of one image."""
    layer, config = _image(content, architecture)
    manifest = [{"Config": "config.json", "RepoTags": list(names), "Layers": ["layer.tar"]}]
    return tar_of({"layer.tar": layer, "config.json": config, "manifest.json": json.dumps(manifest).encode()})


def config_digest(*, content: bytes = b"hello", architecture: str = "amd64") -> str:
    """Return the digest of an image's configuration, by which engines know it."""
    return f"sha256:{sha256(_image(content, architecture)[1]).hexdigest()}"


def laid_out(
    *names: str, content: bytes = b"hello", architectures: Sequence[str] = ("amd64",), compressed: bool = False
) -> bytes:
    """Return an OCI layout: one image, or a list of one for each architecture."""
    blobs: dict[str, bytes] = {}

    def kept(data: bytes, kind: str, **more: object) -> dict[str, object]:
        digest = sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {
            "mediaType": f"application/vnd.oci.image.{kind}",
            "digest": f"sha256:{digest}",
            "size": len(data),
            **more,
        }

    listed = []
    for one in architectures:
        layer, config = _image(content + one.encode() * (len(architectures) > 1), one)
        packed = gzip.compress(layer, mtime=0)
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": kept(config, "config.v1+json"),
            "layers": [kept(packed, "layer.v1.tar+gzip")],
        }
        platform = {"os": "linux", "architecture": one}
        listed.append(kept(json.dumps(manifest).encode(), "manifest.v1+json", platform=platform))
    if len(listed) > 1:
        body = json.dumps({"schemaVersion": 2, "manifests": listed}).encode()
        listed = [kept(body, "index.v1+json")]
    called = [{**listed[0], "annotations": {"io.containerd.image.name": name}} for name in names]
    index = json.dumps({"schemaVersion": 2, "manifests": called or listed}).encode()
    whole = tar_of({"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', **blobs, "index.json": index})
    return gzip.compress(whole, mtime=0) if compressed else whole


def _image(content: bytes, architecture: str) -> tuple[bytes, bytes]:
    """Return a layer and a configuration."""
    layer = tar_of({"hello": content})
    config = {
        "architecture": architecture,
        "os": "linux",
        "created": CREATED,
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{sha256(layer).hexdigest()}"]},
        "history": [{"created": CREATED}],
    }
    return layer, json.dumps(config).encode()
