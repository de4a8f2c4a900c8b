"""The results of verify that are kept, and what changed between two of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from swarmnet.cli.results import read
from swarmnet.edge.operator import history as kept
from swarmnet.edge.operator.history import History, run_of
from swarmnet.errors import UsageError
from swarmnet.model.report import Status, Verdict
from swarmnet.report.documents.history import history_diff_document, history_document, kept_run
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.documents.verify_since import since
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.history import history_diff_report, history_report
from swarmnet.report.reports.verify import verify_report
from tests.report.test_documents import misfits
from tests.support.verified import a_verification

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.verification import Verification

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINE = a_verification(fails=False).model_copy(update={"scenarios": ("icmp", "names", "firewall")})
BROKEN = a_verification().model_copy(update={"scenarios": ("icmp", "names", "firewall")})


def text(result: Verification, run: str) -> str:
    return FORMATS["json"].render(verify_report(result.model_copy(update={"run": run}), verbose=False))


def test_results_are_kept_newest_first_and_only_so_many(tmp_path: Path) -> None:
    history = History(tmp_path / "shop")
    for number in range(kept.MOST + 5):
        history.keep(f"r{number}", BEGIN + timedelta(minutes=number), text(FINE, f"r{number}"))
    found = history.files()

    assert len(found) == kept.MOST
    assert [run_of(path) for path in found[:2]] == [f"r{kept.MOST + 4}", f"r{kept.MOST + 3}"]
    assert history.find(f"r{kept.MOST}") == found[4]
    assert history.find("r0") is None
    assert found[0].stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="the result cannot be kept"):
        History(tmp_path / "file").keep("r1", BEGIN, "{}")


def test_the_list_says_when_how_it_ended_and_why(tmp_path: Path) -> None:
    history = History(tmp_path)
    paths = [history.keep("r1", BEGIN, text(FINE, "r1")), history.keep("r2", BEGIN, text(BROKEN, "r2"))]
    document = history_document("shop", [kept_run(read(path, "shop", what="it"), path) for path in paths], ["x: no"])
    lines = FORMATS["terminal"].render(history_report(document)).splitlines()

    assert misfits(document, "history") == []
    assert [line.split()[:3] for line in lines[1:3]] == [
        ["2026-03-01T12:00:00Z", "r1", "ok"],
        ["2026-03-01T12:00:00Z", "r2", "failed"],
    ]
    assert "vxlan-blocked" in lines[2]
    assert "name-lost" not in lines[2]
    assert lines[3] == "not read: x: no"


def test_two_results_are_compared() -> None:
    document = history_diff_document(verify_document(FINE), verify_document(BROKEN))

    assert misfits(document, "history-diff") == []
    assert "firewall: network net2: not reported -> failed (vxlan-blocked)" in FORMATS["terminal"].render(
        history_diff_report(document)
    )


def test_what_only_one_run_asked_has_not_changed() -> None:
    """A quick look after a whole one does not make what it did not look at look repaired, or broken."""
    hairpin = Verdict(scenario="hairpin", subject="network net1", status=Status.FAILED, detail="x", cause="hairpin")
    group = Verdict(scenario="matrix", subject="network net1", status=Status.FAILED, detail="x", cause="underlay")
    whole = FINE.model_copy(
        update={"verdicts": (hairpin, group, *FINE.verdicts), "scenarios": (*FINE.scenarios, "hairpin")}
    )
    quick, full = verify_document(FINE), verify_document(whole)

    assert [one.scenario for one in since(full, quick).verdicts] == ["matrix"]
    assert [one.scenario for one in since(quick, full).verdicts] == ["matrix"]
    assert [one.scenario for one in since(full, full.model_copy(update={"verdicts": []})).verdicts][:1] == ["hairpin"]
