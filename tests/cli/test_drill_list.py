"""The reports of drills that are kept: those of older versions are listed, and what is none stops no list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.cli.drills import kept_drills
from swarmnet.edge.backups.drill_reports import file_report
from swarmnet.report.documents.drill import drill_document
from tests.report.test_drill_pages import REPORT

if TYPE_CHECKING:
    from pathlib import Path


def test_reports_from_before_there_were_targets_are_listed_and_what_is_none_is_named(tmp_path: Path) -> None:
    key, tree = Ed25519PrivateKey.generate(), drill_document(REPORT).tree
    older = {name: value for name, value in tree.items() if name != "target_seconds"}
    texts = {"new": json.dumps(tree), "old": json.dumps(older), "deep": "[" * 100_000, "list": "[]"}
    for name, text in texts.items():
        file_report(tmp_path / "drills", name, {".json": text}, key)

    found = kept_drills("", tmp_path / "drills", (), None)

    assert {one.path.rpartition("/")[2] for one in found.drills} == {"new.json", "old.json"}
    assert [one.partition("drills/")[2].partition(":")[0] for one in found.unreadable] == ["deep.json", "list.json"]
