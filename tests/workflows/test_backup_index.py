"""The index of a target: it saves questions, and no content of it changes an answer."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.backups.away import AwayRepository
from swarmnet.edge.backups.heads import Heads
from swarmnet.edge.targets.directory import DirectoryTarget
from swarmnet.workflows.backup_lookup import find, listing
from tests.support.backup_targets import fetched, put
from tests.support.faulty_target import FaultyTarget
from tests.support.sealed import VAULT, a_vault, take

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.sealed import Entry

MANY = 1000


class Away:
    """Six backups at a target, and its index."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "away"
        self.index = folder / "index"
        take(self.root, 6)
        self.truth = self.listed()

    def repository(self) -> tuple[AwayRepository, FaultyTarget]:
        counting = FaultyTarget(DirectoryTarget(self.root), at=-1, fault="")
        return AwayRepository(counting, Heads("away", self.index)), counting

    def listed(self) -> list[tuple[str, Any, str | None]]:
        repository, _ = self.repository()
        entries = listing(repository, VAULT)
        repository.save()
        return [_described(entry) for entry in entries]

    def calls(self) -> int:
        """Return how often a list asks the target."""
        repository, counting = self.repository()
        listing(repository, VAULT)
        return counting.calls

    @property
    def file(self) -> Path:
        (file,) = self.index.iterdir()
        return file


def _described(entry: Entry) -> tuple[str, Any, str | None]:
    return entry.name, entry.header, None if entry.problem is None else entry.problem.message


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Away:
    return Away(tmp_path_factory.mktemp("target"))


def test_a_second_list_asks_the_target_once(away: Away) -> None:
    away.listed()
    assert away.calls() == 1


def test_an_index_that_is_missing_or_broken_is_made_again(away: Away) -> None:
    for content in (None, b"", b"{", b"[]", b'{"schema": 2}', b"\xff" * 100):
        if content is None:
            away.file.unlink()
        else:
            away.file.write_bytes(content)
        assert away.listed() == away.truth
        assert away.calls() == 1


def test_a_file_that_changed_is_fetched_again(away: Away, tmp_path: Path) -> None:
    repository = take(tmp_path / "other", 1, a_vault())
    (entry,) = repository.entries()
    changed = DirectoryTarget(away.root)
    name = f"prod/{entry.path.name}"
    before = fetched(changed, name)
    try:
        put(changed, name, entry.path.read_bytes(), replace=True)
        assert "not trusted" in str(away.listed()[-1][2])
    finally:
        put(changed, name, before, replace=True)
    assert away.listed() == away.truth


@given(st.data())
@settings(max_examples=40)
def test_no_lie_of_the_index_changes_a_list_or_what_latest_means(away: Away, data: st.DataObject) -> None:
    away.listed()
    tree = json.loads(away.file.read_bytes())
    heads = tree["heads"]
    names = st.sampled_from(sorted(heads))
    for _ in range(data.draw(st.integers(1, 4))):
        name, other = data.draw(names), data.draw(names)
        lie = data.draw(st.sampled_from(["swap", "garble", "empty", "size", "invent", "forget"]))
        if lie == "swap":
            heads[name]["lines"] = heads[other]["lines"]
        elif lie == "garble":
            text = heads[name]["lines"] or "empty"
            at = data.draw(st.integers(0, len(text) - 1))
            heads[name]["lines"] = f"{text[:at]}x{text[at + 1 :]}"
        elif lie == "empty":
            heads[name]["lines"] = ""
        elif lie == "size":
            heads[name]["size"] = data.draw(st.integers(0, 10**6))
        elif lie == "invent":
            heads["prod/invented.swarmnet"] = heads[name]
        else:
            heads[name]["version"] = "other"
    away.file.write_text(json.dumps(tree))

    repository, _ = away.repository()
    assert [_described(entry) for entry in listing(repository, VAULT)] == away.truth
    assert find("latest", repository=repository, vault=VAULT).entry.name == away.truth[0][0]


def test_a_thousand_backups_are_listed_within_a_second(tmp_path: Path) -> None:
    blobs = Away(tmp_path)
    (first, *_) = sorted((blobs.root / "prod").glob("*.swarmnet"))
    content = first.read_bytes()
    for number in range(MANY):  # copies of one, which is enough to read and to check them
        (blobs.root / "prod" / f"{number:04}-{first.name}").write_bytes(content)
    blobs.listed()

    begun = time.process_time()
    assert len(blobs.listed()) == MANY + 6
    assert time.process_time() - begun < 1
