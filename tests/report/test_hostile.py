"""Every report, with hostile text in each place that holds text: no line is forged (M4), no secret passes (H8)."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from swarmnet.cli.streams import Screen
from swarmnet.errors import HostError, SwarmnetError
from swarmnet.model.at_hand import ArchiveFound, AtHand, BackupFound, KeyFound, OldHost, PlaceFound
from swarmnet.model.base import Secret
from swarmnet.model.differences import Difference, Drift, What
from swarmnet.model.events import ActionFinished, ActionStarted, HostConnected, HostFailed, Progress
from swarmnet.model.host_keys import HostKey, KeyState
from swarmnet.model.hosts import Role
from swarmnet.model.lock import Claim, Holder
from swarmnet.model.plan import Change, Plan, Skip
from swarmnet.model.redaction import Cover
from swarmnet.model.ref import Ref
from swarmnet.model.report import ApplyReport, Outcome, OutcomeStatus, Status, Verdict
from swarmnet.model.restore_report import RestoreReport
from swarmnet.model.sealed import Entry
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.model.state import ClusterState, HostFailure
from swarmnet.model.verification import Verification
from swarmnet.plan.recovery.redact import redacted
from swarmnet.plan.recovery.supplies import supplies_of
from swarmnet.report.documents.at_hand import at_hand_document
from swarmnet.report.documents.backups import backups_document, create_document, show_document
from swarmnet.report.documents.error import error_document
from swarmnet.report.documents.lock import locks_document
from swarmnet.report.documents.plan import plan_body
from swarmnet.report.documents.restore import restore_document
from swarmnet.report.documents.status import status_document
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.apply import apply_report
from swarmnet.report.reports.at_hand import at_hand_report
from swarmnet.report.reports.backups import backups_report, created_report, drift_report, header_report, shown_report
from swarmnet.report.reports.keys import trust_report
from swarmnet.report.reports.lock import lock_report
from swarmnet.report.reports.plan import plan_report
from swarmnet.report.reports.restore import restore_report
from swarmnet.report.reports.status import status_report
from swarmnet.report.reports.verify import verify_report
from swarmnet.report.saved import SavedPlan
from swarmnet.report.terminal.at_hand import at_hand_lines
from swarmnet.report.terminal.backups import entry_lines, summary_lines
from swarmnet.report.terminal.console import rendered
from swarmnet.report.terminal.drift import drift_lines
from swarmnet.report.terminal.lock import lock_lines
from swarmnet.report.terminal.plan import View
from swarmnet.report.terminal.progress import ProgressLines
from swarmnet.report.terminal.restore import Outlook, outlook_lines, report_lines
from swarmnet.report.terminal.text import on_one_line, trace_lines
from swarmnet.report.terminal.verification import show
from tests.report.test_shown import KINDS, full
from tests.support.backups import a_document, a_state
from tests.support.clusters import inventory
from tests.support.goals import operator
from tests.support.planted import planted
from tests.support.reports import (
    apply_json,
    apply_text,
    drift_json,
    locks_json,
    plan_json,
    plan_text,
    status_json,
    status_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.report.formats import Report

HOSTILE = "\x1b[2J\x9b1m\u202e\r\nok: forged\nerror: forged\t"
CANARY = "canary-of-the-reports 'x\""
FAILURE = HostFailure(host="w2", reason="timed out", hint="try again")
PLAN = Plan(
    cluster="shop", actions=tuple(map(full, KINDS)), origin="backup", warnings=("mind",), predicted=ClusterState()
)
STATE = a_state().model_copy(update={"failures": (FAILURE,)})
DRIFT = Drift(
    differences=(
        Difference(
            ref=Ref(kind="service", name="web"),
            kind=What.CHANGED,
            changes=(Change(path="image", before="a", after="b"),),
        ),
    ),
    unseen=("host w1",),
)
OUTCOME = Outcome(kind="command.run", target="touch", status=OutcomeStatus.FAILED, error="it failed", hint="try")
APPLIED = ApplyReport(
    cluster="shop",
    outcomes=(OUTCOME, OUTCOME.model_copy(update={"status": OutcomeStatus.SKIPPED})),
    pending=("web",),
    unsettled=("api",),
    failures=(FAILURE,),
)
RESTORED = RestoreReport(
    backup="0" * 32,
    taken=datetime(2026, 1, 1, tzinfo=UTC),
    cluster="shop",
    restored=("web",),
    failed=("api",),
    skips=(Skip(object=Ref(kind="secret", name="pw"), why="no data"),),
    losses=a_document().losses,
    missing=("w1",),
)
AT_HAND = AtHand(
    places=(PlaceFound(place="/srv", why="it is the default", backups=1), PlaceFound(place="s3://b", why="schedule")),
    backups=(
        BackupFound(
            name="b1",
            place="/srv/b1",
            cluster="shop",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            opened_by="recovery.txt",
            words=("b1", "--repository", "/srv"),
            hosts=(OldHost(name="m1", role=Role.MANAGER, address="10.0.0.1"), OldHost(name="w1")),
            supplies=supplies_of(a_document()),
        ),
        BackupFound(name="b2", place="/srv/b2", problem="it is damaged", hint="use another"),
    ),
    keys=(
        KeyFound(path="recovery.txt", why="found here", words=("--identity", "recovery.txt")),
        KeyFound(path="other.txt", why="found here", problem="others can read it", hint="chmod"),
    ),
    archives=(ArchiveFound(name="a1", cluster="shop", created=datetime(2026, 1, 1, tzinfo=UTC), words=("a1",)),),
)
CLAIM = Claim.of(operator(), cluster="shop", command="apply site.yml", since=datetime(2026, 1, 1, tzinfo=UTC))
HOLDER = Holder(place="the swarm", claim=CLAIM, identity="i", version="1", age=1.0)
VERIFIED = Verification(
    run="r1",
    cluster="lab",
    networks=("front",),
    hosts=("w1", "w2"),
    verdicts=(
        Verdict(scenario="matrix", subject="network front", status=Status.FAILED, detail="no way", fix="open it"),
    ),
)


def _progress(text: str) -> str:
    stream = io.StringIO()
    tell = ProgressLines(stream, verbose=True)
    action = planted(full(KINDS[0]), text)
    cause = HostError(f"w1{text}", f"it said {text}")
    cause.__cause__ = ValueError(text)
    for event in (
        HostConnected(f"w1{text}", 1.0),
        HostFailed(f"w1{text}", f"it said {text}", cause),
        ActionStarted(action.kind, action.target),
        ActionFinished(action.kind, action.target, 1.0, f"it failed {text}"),
        ActionFinished(action.kind, action.target, 1.0),
        Progress(f"waiting for {text}"),
    ):
        tell(event)
    return stream.getvalue()


def _matrix(text: str) -> str:
    out = io.StringIO()
    show(Console(file=out, width=100, highlight=False), planted(VERIFIED, text))
    return out.getvalue()


def _error(text: str) -> str:
    error = SwarmnetError(f"it said {text}", hint=text, details=(text,))
    return "\n".join((*map(on_one_line, (*error.lines, text)), *trace_lines(error)))


def _entry(text: str) -> Entry:
    return Entry(path=Path(f"x{text}"), name=f"b{text}", problem=SwarmnetError(f"broken {text}"))


def planted_outlook(text: str) -> Outlook:
    found = AT_HAND.backups[0]
    return Outlook(planted(RESTORED.losses, text), planted(found.supplies, text), f"swarmnet {text}")


TEXTS: dict[str, Callable[[str], str]] = {
    "plan": lambda text: plan_text(planted(PLAN, text), planted(STATE, text), view=View(Cover(shows=True))),
    "plan -v": lambda text: plan_text(planted(PLAN, text), planted(STATE, text), view=View(Cover(), whole=True)),
    "apply": lambda text: apply_text(planted(APPLIED, text)),
    "status": lambda text: status_text(planted(STATE, text), planted(inventory(), text)),
    "lock": lambda text: "\n".join(lock_lines([planted(HOLDER, text)], operator())),
    "drift": lambda text: rendered(drift_lines(planted(DRIFT, text), Cover(shows=True))),
    "backup show": lambda text: rendered(summary_lines(planted(a_document(), text))),
    "backup list": lambda text: rendered(entry_lines([_entry(text)])),
    "restore": lambda text: rendered(report_lines(planted(RESTORED, text))),
    "restore, alone": lambda text: rendered(at_hand_lines(planted(AT_HAND, text), datetime(2026, 2, 1, tzinfo=UTC))),
    "restore plan": lambda text: rendered(outlook_lines(planted(PLAN, text), planted_outlook(text))),
    "progress": _progress,
    "verify": _matrix,
    "errors and traces": _error,
}
TREES: dict[str, Callable[[str], object]] = {
    "plan": lambda text: plan_json(planted(PLAN, text), planted(STATE, text), Cover(shows=True)),
    "plan -o": lambda text: SavedPlan.of(planted(PLAN, text), STATE, Cover(shows=True), b"", (text,)).tree,
    "apply": lambda text: apply_json(planted(APPLIED, text)),
    "status": lambda text: status_json(planted(STATE, text), planted(inventory(), text)),
    "lock": lambda text: locks_json([planted(HOLDER, text)], operator()),
    "drift": lambda text: drift_json(planted(DRIFT, text), Cover(shows=True)),
    "backup show": lambda text: show_document(planted(a_document(), text)).tree,
    "backup export": lambda text: redacted(planted(a_document(), text), Cover(shows=True)),
    "backup list": lambda text: backups_document([_entry(text)]).tree,
    "restore": lambda text: restore_document(planted(RESTORED, text)).tree,
    "restore, alone": lambda text: at_hand_document(planted(AT_HAND, text), [f"swarmnet {text}"]).tree,
    "verify": lambda text: verify_document(planted(VERIFIED, text)).tree,
    "error": lambda text: error_document(SwarmnetError(f"it said {text}", hint=text)).tree,
}


def _screened(text: str) -> str:
    stream = io.BytesIO()
    screen = Screen(stream, encoding="utf-8", errors="backslashreplace", write_through=True)
    screen.write(text)
    return stream.getvalue().decode()


@pytest.mark.parametrize("report", TEXTS.values(), ids=TEXTS)
def test_no_text_of_others_forges_a_line_or_steers_the_terminal(report: Callable[[str], str]) -> None:
    lines = report(HOSTILE).split("\n")

    assert any("forged" in line for line in lines)
    assert not [line for line in lines if line.lstrip().startswith(("ok: forged", "error: forged"))]
    assert all(line.isprintable() for line in _screened("\n".join(lines)).split("\n"))


@pytest.mark.parametrize("report", TEXTS.values(), ids=TEXTS)
def test_no_marked_value_is_printed(report: Callable[[str], str]) -> None:
    Secret(CANARY)

    said = _screened(report(CANARY))

    assert "***" in said
    assert "canary-of" not in said


@pytest.mark.parametrize("report", TREES.values(), ids=TREES)
def test_json_holds_no_marked_value(report: Callable[[str], object]) -> None:
    Secret(CANARY)

    said = json.dumps(SENSITIVE.masked_json(report(CANARY)))  # type: ignore[arg-type]  # JSON, as all of these return

    assert "***" in said
    assert "canary-of" not in said


def _reports(text: str) -> list[Report]:
    """Return every report that formats take, with a text in each place that holds text."""
    state, plan, lines = planted(STATE, text), planted(PLAN, text), [f"a line {text}"]
    body, backup = plan_body(plan, state, Cover(shows=True)), planted(a_document(), text)
    return [
        verify_report(planted(VERIFIED, text), verbose=True),
        apply_report(planted(APPLIED, text)),
        restore_report(planted(RESTORED, text)),
        at_hand_report(planted(AT_HAND, text), datetime(2026, 2, 1, tzinfo=UTC)),
        plan_report(plan, lambda: body, lines, failures=state.failures, refused=(text,)),
        status_report(status_document(state, planted(inventory(), text), []), lines),
        backups_report([_entry(text)], f"place {text}"),
        header_report(_entry(text)),
        shown_report(show_document(backup), summary_lines(backup)),
        created_report(create_document(backup, Path(f"x{text}"), 1), lines),
        drift_report(planted(DRIFT, text), Cover(shows=True), (text, "prod")),
        trust_report(f"c{text}", [HostKey(f"w1{text}", f"n{text}", KeyState.CHANGED, reason=f"it said {text}")]),
        lock_report("status", locks_document(f"c{text}", [planted(HOLDER, text)], operator()), lines),
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_holds_a_marked_value(name: str) -> None:
    Secret(CANARY)

    for report in _reports(CANARY):
        said = FORMATS[name].render(report).replace("\\*", "*").replace("#42;", "*")
        assert "***" in said
        assert "canary-of" not in said


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_lets_foreign_text_forge_a_line_or_steer_a_terminal(name: str) -> None:
    for report in _reports(HOSTILE):
        lines = _screened(FORMATS[name].render(report)).split("\n")
        assert any("forged" in line for line in lines)
        if name != "junit":  # where line breaks are a part of the text of an element
            assert not [line for line in lines if line.lstrip().startswith(("ok: forged", "error: forged"))]
        assert all(line.replace("\t", "").isprintable() for line in lines)
