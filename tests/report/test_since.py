"""What changed since an earlier verification: findings and pairs, never times or words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.model.report import Status
from swarmnet.model.verification import Cell
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.verify import verify_report
from tests.support.verified import a_verification

if TYPE_CHECKING:
    from swarmnet.model.verification import Verification

FINE, BROKEN = a_verification(fails=False), a_verification()


def reported(earlier: Verification, now: Verification) -> list[str]:
    report = verify_report(now, verbose=False, earlier=verify_document(earlier))
    lines = FORMATS["terminal"].render(report).splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("since run")) :]


def test_without_an_earlier_run_nothing_is_compared() -> None:
    assert verify_document(BROKEN).since is None
    assert "since run" not in FORMATS["terminal"].render(verify_report(BROKEN, verbose=False))


def test_what_broke_and_what_was_repaired_is_named() -> None:
    pairs = [f"  {scenario}: network net2: 2 pairs:" for scenario in ("icmp", "udp", "tcp", "loss")]

    assert reported(FINE, BROKEN) == [
        "since run r1 (ok): 2 findings and 8 pairs changed",
        "  firewall: network net2: not reported -> failed (vxlan-blocked)",
        "  names: web: not reported -> failed (name-lost)",
        *(f"{pair} ok -> failed" for pair in pairs),
    ]
    assert reported(BROKEN, FINE)[3:] == [f"{pair} failed -> ok" for pair in pairs]


def test_times_and_words_are_not_compared() -> None:
    words = tuple(one.model_copy(update={"detail": "in other words"}) for one in BROKEN.verdicts)
    cells = {
        one: dict.fromkeys(row, Cell(status=Status.OK, milliseconds=9.0)) for one, row in FINE.matrices[0].cells.items()
    }
    slower = FINE.matrices[0].model_copy(update={"cells": cells})

    assert reported(BROKEN, BROKEN.model_copy(update={"verdicts": words})) == ["since run r1 (failed): nothing changed"]
    assert reported(FINE, FINE.model_copy(update={"matrices": (slower, *FINE.matrices[1:])}))[1:] == []


def test_another_cause_on_the_same_subject_is_a_change() -> None:
    cause, *others = BROKEN.verdicts
    now = BROKEN.model_copy(update={"verdicts": (cause.model_copy(update={"cause": "mtu"}), *others)})

    assert reported(BROKEN, now)[1:] == ["  firewall: network net2: failed (vxlan-blocked) -> failed (mtu)"]


def test_a_scenario_that_only_one_run_measured_has_no_changed_pairs_and_a_new_host_has() -> None:
    fewer = FINE.model_copy(update={"matrices": FINE.matrices[:1]})
    assert reported(fewer, FINE)[1:] == []
    assert reported(FINE, fewer)[1:] == []

    grown = reported(FINE, a_verification(4, fails=False))
    assert grown[0] == "since run r1 (ok): 0 findings and 48 pairs changed"
    assert grown[1] == "  icmp: network net1: 6 pairs: not measured -> ok"


def test_a_page_says_what_changed() -> None:
    page = FORMATS["html"].render(verify_report(BROKEN, verbose=False, earlier=verify_document(FINE)))
    assert "since run r1 (ok): 2 findings and 8 pairs changed" in page
