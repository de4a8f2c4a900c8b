"""What every target promises: one table of targets, each on a real server."""

from __future__ import annotations

import random
import threading
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from tests.support.backup_targets import KINDS, fetched, put

if TYPE_CHECKING:
    from swarmnet.model.targets import Stored
    from tests.support.backup_targets import Place

CONTENT = bytes(range(256)) * 400
LARGE = 17 * 1024 * 1024
"""Bytes that an S3 store gets in parts."""


def test_what_is_put_is_listed_and_read_back(place: Place) -> None:
    put(place.target, "prod/a.swarmnet", CONTENT)
    (stored,) = [one for one in place.target.files() if one.name == "prod/a.swarmnet"]
    assert stored.size == len(CONTENT)
    assert fetched(place.target, "prod/a.swarmnet") == CONTENT
    assert place.target.read("prod/a.swarmnet", 1000) == CONTENT[:1000]
    assert place.target.read("prod/a.swarmnet", 10**6) == CONTENT


def test_nothing_but_the_file_is_left_behind(place: Place) -> None:
    put(place.target, "alone/a.swarmnet", CONTENT)
    assert [name for name in place.names() if name.startswith("alone/")] == ["alone/a.swarmnet"]


def test_an_empty_file_is_a_file(place: Place) -> None:
    put(place.target, "empty/a.swarmnet", b"")
    assert fetched(place.target, "empty/a.swarmnet") == b""


def test_a_large_file_goes_and_comes_part_by_part(place: Place) -> None:
    content, parts = random.Random(1).randbytes(LARGE), sha256()  # noqa: S311 - no secret
    largest = 0

    def take(part: bytes) -> None:
        nonlocal largest
        largest = max(largest, len(part))
        parts.update(part)

    put(place.target, "large/a.swarmnet", content)
    place.target.fetch("large/a.swarmnet", take)
    assert parts.digest() == sha256(content).digest()
    assert largest < LARGE / 4
    with pytest.raises(FileExistsError):
        put(place.target, "large/a.swarmnet", content)


def test_a_file_is_never_overwritten_unless_that_is_asked_for(place: Place) -> None:
    put(place.target, "twice/a.swarmnet", CONTENT)
    with pytest.raises(FileExistsError):
        put(place.target, "twice/a.swarmnet", b"other")
    assert fetched(place.target, "twice/a.swarmnet") == CONTENT
    put(place.target, "twice/a.swarmnet", b"other", replace=True)
    assert fetched(place.target, "twice/a.swarmnet") == b"other"
    assert [name for name in place.names() if name.startswith("twice/")] == ["twice/a.swarmnet"]


def test_another_content_of_the_same_size_is_another_version(place: Place) -> None:
    put(place.target, "version/a.swarmnet", b"one")
    before = {one.name: one for one in place.target.files()}["version/a.swarmnet"]
    assert before.version
    # A server that tells times by the second needs another second.
    while (after := _replaced(place)).version == before.version:
        pass
    assert after.size == before.size


def _replaced(place: Place) -> Stored:
    put(place.target, "version/a.swarmnet", b"two", replace=True)
    return {one.name: one for one in place.target.files()}["version/a.swarmnet"]


def test_what_is_missing_is_missing(place: Place) -> None:
    for name in ("none/a.swarmnet", "prod/none.swarmnet"):
        with pytest.raises(FileNotFoundError):
            fetched(place.target, name)
        place.target.remove(name)


def test_what_is_removed_is_gone(place: Place) -> None:
    put(place.target, "gone/a.swarmnet", CONTENT)
    put(place.target, "gone/b.swarmnet", CONTENT)
    place.target.remove("gone/a.swarmnet")
    assert [one.name for one in place.target.files() if one.name.startswith("gone/")] == ["gone/b.swarmnet"]


@pytest.mark.parametrize("place", [kind for kind in KINDS if kind != "s3"], indirect=True)
def test_two_writers_of_one_name_leave_one_whole_file(place: Place) -> None:
    """Of S3, that is a promise of the store, which the server of these tests does not keep."""
    contents = [bytes([number]) * 50_000 for number in range(4)]
    lost: list[bytes] = []

    def write(content: bytes) -> None:
        try:
            put(place.target, "race/a.swarmnet", content)
        except FileExistsError:
            lost.append(content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert fetched(place.target, "race/a.swarmnet") in contents


def test_many_files_are_all_listed(place: Place) -> None:
    names = {f"many/{number:04}.swarmnet" for number in range(150)}
    for name in names:
        put(place.target, name, name.encode())
    assert {one.name for one in place.target.files() if one.name.startswith("many/")} == names


def test_its_name_holds_no_credential_and_can_be_typed_again(place: Place) -> None:
    assert place.target.place == place.url
