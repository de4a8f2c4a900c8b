"""What every target promises: one table of targets, each on a real server."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from swarmnet.model.targets import Stored
    from tests.support.backup_targets import Place

CONTENT = bytes(range(256)) * 400


def test_what_is_put_is_listed_and_read_back(place: Place) -> None:
    place.target.put("prod/a.swarmnet", CONTENT)
    (stored,) = [one for one in place.target.files() if one.name == "prod/a.swarmnet"]
    assert stored.size == len(CONTENT)
    assert place.target.read("prod/a.swarmnet") == CONTENT
    assert place.target.read("prod/a.swarmnet", 1000) == CONTENT[:1000]
    assert place.target.read("prod/a.swarmnet", 10**6) == CONTENT


def test_nothing_but_the_file_is_left_behind(place: Place) -> None:
    place.target.put("alone/a.swarmnet", CONTENT)
    assert [name for name in place.names() if name.startswith("alone/")] == ["alone/a.swarmnet"]


def test_an_empty_file_is_a_file(place: Place) -> None:
    place.target.put("empty/a.swarmnet", b"")
    assert place.target.read("empty/a.swarmnet") == b""


def test_a_file_is_never_overwritten_unless_that_is_asked_for(place: Place) -> None:
    place.target.put("twice/a.swarmnet", CONTENT)
    with pytest.raises(FileExistsError):
        place.target.put("twice/a.swarmnet", b"other")
    assert place.target.read("twice/a.swarmnet") == CONTENT
    place.target.put("twice/a.swarmnet", b"other", replace=True)
    assert place.target.read("twice/a.swarmnet") == b"other"
    assert [name for name in place.names() if name.startswith("twice/")] == ["twice/a.swarmnet"]


def test_another_content_of_the_same_size_is_another_version(place: Place) -> None:
    place.target.put("version/a.swarmnet", b"one")
    before = {one.name: one for one in place.target.files()}["version/a.swarmnet"]
    assert before.version
    # A server that tells times by the second needs another second.
    while (after := _replaced(place)).version == before.version:
        pass
    assert after.size == before.size


def _replaced(place: Place) -> Stored:
    place.target.put("version/a.swarmnet", b"two", replace=True)
    return {one.name: one for one in place.target.files()}["version/a.swarmnet"]


def test_what_is_missing_is_missing(place: Place) -> None:
    for name in ("none/a.swarmnet", "prod/none.swarmnet"):
        with pytest.raises(FileNotFoundError):
            place.target.read(name)
        place.target.remove(name)


def test_what_is_removed_is_gone(place: Place) -> None:
    place.target.put("gone/a.swarmnet", CONTENT)
    place.target.put("gone/b.swarmnet", CONTENT)
    place.target.remove("gone/a.swarmnet")
    assert [one.name for one in place.target.files() if one.name.startswith("gone/")] == ["gone/b.swarmnet"]


def test_two_writers_of_one_name_leave_one_whole_file(place: Place) -> None:
    contents = [bytes([number]) * 50_000 for number in range(4)]
    lost: list[bytes] = []

    def write(content: bytes) -> None:
        try:
            place.target.put("race/a.swarmnet", content)
        except FileExistsError:
            lost.append(content)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert place.target.read("race/a.swarmnet") in contents


def test_many_files_are_all_listed(place: Place) -> None:
    names = {f"many/{number:04}.swarmnet" for number in range(150)}
    for name in names:
        place.target.put(name, name.encode())
    assert {one.name for one in place.target.files() if one.name.startswith("many/")} == names


def test_its_name_holds_no_credential_and_can_be_typed_again(place: Place) -> None:
    assert place.target.place == place.url
