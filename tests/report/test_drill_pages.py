"""The pages of a drill: they hold the facts, hide values, and show what hosts and backups say as text alone."""

from __future__ import annotations

from datetime import UTC, datetime

from swarmnet.model.differences import Difference, What
from swarmnet.model.drill import DrillReport, DrillResult, Explained, Ground, Rehearsed
from swarmnet.model.lose import Answers, Door, LoseReport
from swarmnet.model.plan import Change
from swarmnet.model.ref import Ref
from swarmnet.model.report import Status
from swarmnet.model.verification import Phase
from swarmnet.report.documents.drill import drill_document, lose_document
from swarmnet.report.drill_pages import html, markdown
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.drill import drill_report, lose_report
from tests.report.test_documents import misfits
from tests.support.backups import CANARY, CREATED

EVIL = "<script>alert(1)</script>|\x1b[31m\n| x"
CHANGE = Change(path="env.DB_PASSWORD", before=CANARY, after=None)
REPORT = DrillReport(
    id="cd" * 16,
    tool="test",
    operator="ann",
    backup=Rehearsed(id="ab" * 16, name=EVIL, cluster=EVIL, created=CREATED, complete=True, sha256="0" * 64),
    ground=Ground.LAB,
    place=EVIL,
    hosts={"a1": "m1"},
    engines={"m1": EVIL},
    begun=datetime(2026, 2, 1, tzinfo=UTC),
    phases=(Phase(name="open", seconds=0.5),),
    recovery=61.5,
    restored=(EVIL,),
    verified=Status.OK,
    findings=(EVIL,),
    compared=True,
    lost=(Difference(ref=Ref(kind="service", name=EVIL), kind=What.CHANGED, changes=(CHANGE,)),),
    explained=(Explained(what=EVIL, why=EVIL),),
    unseen=(EVIL,),
    left_behind=(EVIL,),
    kept=EVIL,
)
LOSS = LoseReport(
    cluster="sim",
    nodes=("w1",),
    begun=CREATED,
    drained=1.5,
    moved={"web": 1},
    answers=(Answers(service="web", port=80, sent=3, failed=1, gap=0.2),),
    silent=(Door(service="db", port=5432, addresses=("10.0.0.1",)),),
    not_back=("node w1: no",),
)


def test_the_documents_fit_their_schemas() -> None:
    assert misfits(drill_document(REPORT), "drill") == []
    assert misfits(lose_document(LOSS), "drill-lose") == []


def test_pages_hold_the_facts_and_no_markup_escapes_or_values_of_others() -> None:
    document = drill_document(REPORT)
    pages = html(document), markdown(document)
    for page in pages:
        assert "61.5 s" in page
        assert "env.DB" in page.replace("\\", "")
        assert CANARY not in page
        assert "\x1b" not in page
    assert "<script" not in pages[0]
    assert "<script" not in pages[1].replace("\\<", "")
    assert CANARY not in document.model_dump_json()
    assert all(line.count("|") - line.count("\\|") in (0, *range(2, 5)) for line in pages[1].splitlines())


def test_the_page_of_a_drill_is_built_as_every_page() -> None:
    page, ordinary = html(drill_document(REPORT)), FORMATS["html"].render(lose_report(lose_document(LOSS)))
    assert page.partition("<title>")[0] == ordinary.partition("<title>")[0]


def test_the_verdict_is_the_gravest_and_each_finding_a_check() -> None:
    assert REPORT.result is DrillResult.FAILED
    checks = drill_report(drill_document(REPORT)).checks
    assert {one.group for one in checks if one.status is Status.FAILED} == {"lost", "taken-down", "drill"}
    whole = REPORT.model_copy(update={"lost": (), "left_behind": (), "unseen": ()})
    assert (whole.result, whole.exit_code) == (DrillResult.PASSED, 0)
    partial = whole.model_copy(update={"backup": REPORT.backup.model_copy(update={"complete": False})})
    assert (partial.result, partial.exit_code) == (DrillResult.INCOMPLETE, 3)
    assert {one.status for one in lose_report(lose_document(LOSS)).checks} == {
        Status.WARNING,
        Status.INCONCLUSIVE,
        Status.FAILED,
    }
