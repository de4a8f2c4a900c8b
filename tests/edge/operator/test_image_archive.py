"""What an image archive says of itself, in each form; what is none is refused, however it is broken."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmnet.edge.operator.image_archive import describe_archive
from swarmnet.edge.operator.image_files import LocalImageFiles
from swarmnet.errors import UsageError
from tests.support.image_archives import config_digest, laid_out, saved, tar_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.host_image import ImageArchive


def described(folder: Path, data: bytes) -> ImageArchive:
    path = folder / "image.tar"
    path.write_bytes(data)
    return describe_archive(path)


@pytest.mark.parametrize("form", [saved, laid_out])
@pytest.mark.parametrize("packed", [bytes, gzip.compress])
def test_its_image_is_known_by_name_digest_and_platform(
    tmp_path: Path, form: Callable[..., bytes], packed: Callable[[bytes], bytes]
) -> None:
    (image,) = described(tmp_path, packed(form("shop/web:1"))).images

    assert (image.names, image.config) == (("shop/web:1",), config_digest())
    assert (image.platform.os, image.platform.architecture) == ("linux", "amd64")
    assert len(image.layers) == len(image.blobs) == 1


def test_an_archive_in_both_forms_knows_the_manifest_too(tmp_path: Path) -> None:
    layout = laid_out("shop/web:1")
    (there,) = described(tmp_path, layout).images
    both = [{"Config": f"blobs/sha256/{there.config[7:]}", "RepoTags": ["shop/web:1"], "Layers": list(there.blobs)}]
    end = layout.rstrip(b"\0")
    padded = end + bytes(-len(end) % 512)

    found = described(tmp_path, padded + tar_of({"manifest.json": json.dumps(both).encode()}))

    assert found.images == (there,)
    assert there.manifests
    assert not found.file.needs_manifest


@pytest.mark.parametrize("compressed", [False, True])
def test_a_layout_is_sent_with_a_manifest_in_front(tmp_path: Path, *, compressed: bool) -> None:
    archive = described(tmp_path, laid_out(architectures=("arm64", "amd64"), compressed=compressed))
    (_arm, image) = archive.images
    assert archive.file.needs_manifest

    with LocalImageFiles().open(archive.file, image, "shop/web:1") as upload:
        sent = b"".join(iter(lambda: upload.read(1000), b""))
        assert len(upload) == len(sent)

    (again,) = described(tmp_path, sent).images
    assert (again.names, again.config, again.blobs) == (("shop/web:1",), image.config, image.blobs)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        tar_of({"a": b"b"}),
        tar_of({"manifest.json": b"[]"}),
        tar_of({"manifest.json": b"{}"}),
        tar_of({"manifest.json": b'[{"Config": "gone.json", "Layers": []}]'}),
        tar_of({"index.json": b'{"manifests": []}'}),
        tar_of({"index.json": b'{"manifests": [{"digest": 7}]}'}),
        tar_of({"index.json": b"[" * 100_000}),
        saved("web:1")[:700],
        gzip.compress(saved("web:1"))[:60],
    ],
    ids=range(11),
)
def test_what_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UsageError, match="is not an image archive"):
        described(tmp_path, data)


@given(st.data())
def test_damage_anywhere_is_an_archive_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = bytearray(data.draw(st.sampled_from([saved("web:1"), laid_out("web:1"), laid_out(compressed=True)])))
    for at in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=20)):
        whole[at] = data.draw(st.integers(0, 255))
    with suppress(UsageError):
        assert described(tmp_path_factory.getbasetemp(), bytes(whole)).images


def test_a_folder_and_a_file_that_is_gone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a regular file"):
        describe_archive(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        describe_archive(tmp_path / "gone.tar")
