"""How a verification looks: on a terminal, as JSON, as JUnit."""

from __future__ import annotations

import io
import json
from itertools import permutations
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from swarmnet.model.report import Cause, Status, Verdict
from swarmnet.model.verification import Cell, Level, Matrix, Verification
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.verify import verify_report
from swarmnet.report.terminal.verification import show


def as_json(one: Verification) -> dict[str, Any]:
    return verify_document(one).tree


def as_junit(one: Verification) -> str:
    return FORMATS["junit"].render(verify_report(one, verbose=False))


def result(hosts: int = 3, *, failing: tuple[str, str] | None = ("w1", "w2"), detail: str = "no way") -> Verification:
    names = tuple(f"w{n}" for n in range(1, hosts + 1))
    cells: dict[str, dict[str, Cell]] = {name: {} for name in names}
    for source, target in permutations(names, 2):
        cells[source][target] = Cell(status=Status.FAILED if (source, target) == failing else Status.OK)
    status = Status.FAILED if failing else Status.OK
    return Verification(
        run="r1",
        cluster="lab",
        networks=("front",),
        hosts=names,
        verdicts=(Verdict(scenario="matrix", subject="network front", status=status, detail=detail, fix="open it"),),
        matrices=(Matrix(scenario="udp", network="front", hosts=names, cells=cells),),
    )


def shown(one: Verification, *, terminal: bool = False, width: int = 100, verbose: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, force_terminal=terminal, width=width, highlight=False), one, verbose=verbose)
    return out.getvalue()


def test_rows_send_and_columns_receive() -> None:
    lines = [" ".join(line.split()) for line in shown(result()).splitlines()]
    at = lines.index("network front")
    assert lines[at + 1 : at + 5] == ["udp w1 w2 w3", "w1 x .", "w2 . .", "w3 . ."]


def test_a_pipe_gets_no_colour_and_a_terminal_does() -> None:
    assert "\x1b[" not in shown(result())
    assert "\x1b[" in shown(result(), terminal=True)


def test_a_wide_matrix_shows_only_what_is_not_fine() -> None:
    text = shown(result(60))
    assert "3539 of 3540 ordered pairs ok" in text
    assert "w59" not in text
    assert len(text.splitlines()) < 15


def test_text_from_hosts_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in shown(result(detail="\x1b[2J [red]gone[/red]"))
    assert "[red]gone[/red]" in shown(result(detail="[red]gone[/red]"))


def test_json_says_schema_and_status_and_survives_a_round_trip() -> None:
    body = json.loads(json.dumps(as_json(result())))
    assert (body["schema"], body["status"], body["matrices"][0]["cells"]["w1"]["w2"]["status"]) == (
        1,
        "failed",
        "failed",
    )


def test_junit_counts_an_inconclusive_check_as_an_error() -> None:
    verdict = Verdict(scenario="vip", subject="hosts", status=Status.INCONCLUSIVE, detail="no \x00 IPVS")
    tree = ET.fromstring(as_junit(result().model_copy(update={"verdicts": (verdict,)})))  # noqa: S314
    assert (tree.get("errors"), tree.get("failures")) == ("1", "0")
    assert tree[0][0].get("message") == "no \N{REPLACEMENT CHARACTER} IPVS"


def test_junit_names_the_cause_as_the_type_of_the_failure() -> None:
    verdict = Verdict(scenario="vip", subject="hosts", status=Status.FAILED, detail="no answer", cause="vip")
    tree = ET.fromstring(as_junit(result().model_copy(update={"verdicts": (verdict,)})))  # noqa: S314
    assert tree[0][0].get("type") == "vip"


def traced() -> Verification:
    """Return a cause, what follows from it, and a failure of its own, in the order of the JSON."""
    because = (Cause(verdict=0, scenario="matrix", subject="network front", cause="vxlan-blocked"),)
    own = Verdict(scenario="nodes", subject="node w3", status=Status.FAILED, detail="down", fix="look")
    after = Verdict(
        scenario="balance",
        subject="network front",
        status=Status.FAILED,
        detail="lost 2",
        fix="update it",
        because_of=because,
    )
    return result().model_copy(update={"verdicts": (*result().verdicts, own, after)})


def test_what_follows_from_a_cause_is_under_it_without_advice_of_its_own() -> None:
    lines = shown(traced()).splitlines()
    at = next(number for number, line in enumerate(lines) if "matrix: network front: no way" in line)
    assert lines[at + 1 : at + 3] == ["  fix: open it", "    x follows: balance: network front: lost 2"]
    assert "update it" not in shown(traced())


def reported(status: Status, *, fix: str | None = None) -> Verdict:
    return Verdict(scenario="udp", subject="network front", status=status, detail="it is so", fix=fix)


@pytest.mark.parametrize(
    ("verdicts", "first"),
    [
        (
            (reported(Status.OK), reported(Status.OK)),
            "yes, the network works: 2 findings ok on network front, 3 hosts (0.0 s)",
        ),
        (
            (reported(Status.OK), reported(Status.WARNING)),
            "yes, the network works, with 1 warning: 1 finding ok on network front, 3 hosts (0.0 s)",
        ),
        ((reported(Status.FAILED), reported(Status.OK)), "no: 1 cause found: network front (0.0 s)"),
        (
            (reported(Status.FAILED), reported(Status.FAILED), reported(Status.INCONCLUSIVE)),
            "no: 2 causes found: network front; also, 1 reason kept checks from running (0.0 s)",
        ),
        (
            (reported(Status.INCONCLUSIVE), reported(Status.INCONCLUSIVE)),
            "not known: 2 reasons kept checks from running, the first: network front: it is so (0.0 s)",
        ),
        ((reported(Status.SKIPPED),), "not known: nothing was checked (0.0 s)"),
    ],
)
def test_the_first_line_is_the_answer(verdicts: tuple[Verdict, ...], first: str) -> None:
    """E5."""
    text = shown(result(failing=None).model_copy(update={"verdicts": verdicts}))
    assert text.splitlines()[0] == first


def test_a_lower_level_does_not_say_that_all_works() -> None:
    """A quick look proves less than the whole."""
    fine = result(failing=None).model_copy(update={"verdicts": (reported(Status.OK),)})
    quick, full = (shown(fine.model_copy(update={"level": one})).splitlines()[0] for one in (Level.QUICK, Level.FULL))
    assert quick.startswith("yes, the network works as far as quick checks tell: 1 finding ok")
    assert full.startswith("yes, the network works: 1 finding ok")


def test_what_follows_counts_as_no_cause() -> None:
    assert shown(traced()).splitlines()[0] == "no: 2 causes found: network front and node w3 (0.0 s)"


def test_causes_come_before_matrices_and_what_is_fine_is_folded() -> None:
    """E5: thirty lines that say ok are not worth reading."""
    fine = Matrix(scenario="icmp", network="front", hosts=("w1", "w2"), cells={"w1": {"w2": Cell(status=Status.OK)}})
    both = result().model_copy(update={"matrices": (fine, *result().matrices)})
    one = both.model_copy(update={"verdicts": (*both.verdicts, reported(Status.OK), reported(Status.SKIPPED))})
    lines = [line.strip() for line in shown(one).splitlines()]
    assert lines.index("fix: open it") < lines.index("network front")
    assert lines[-1] == "1 ok, 1 skipped: -v shows them"
    assert not any(line.startswith("icmp") for line in lines)
    assert "it is so" not in " ".join(lines)
    everything = shown(one, verbose=True)
    assert everything.count("it is so") == 2
    assert "icmp" in everything


def test_what_is_left_out_and_can_be_changed_is_shown() -> None:
    drained = reported(Status.SKIPPED, fix="docker node update --availability active w2")
    text = shown(result(failing=None).model_copy(update={"verdicts": (reported(Status.OK), drained)}))
    assert "--availability active w2" in text


def test_words_stay_whole_and_commands_can_be_copied() -> None:
    """E5: lines break between words, and never inside of a command."""
    command = "sysctl -w net.ipv4.neigh.default.gc_thresh1=8192 net.ipv4.neigh.default.gc_thresh2=49152 and-more-of-it"
    words = " ".join(f"swarmnet-word-{number}" for number in range(30))
    long = reported(Status.FAILED, fix=words).model_copy(update={"detail": words, "evidence": {"commands": [command]}})
    lines = shown(result().model_copy(update={"verdicts": (long,), "matrices": ()}), width=80).splitlines()
    assert f"    {command}" in lines
    others = [line for line in lines if line.strip() != command]
    assert all(len(line) <= 80 for line in others)
    assert set(" ".join(others).split()) >= set(words.split())


def test_json_names_the_causes_of_a_verdict_and_nothing_that_only_the_judgement_needs() -> None:
    body = as_json(traced())
    verdicts = body["verdicts"]
    assert isinstance(verdicts, list)
    last = verdicts[-1]
    assert isinstance(last, dict)
    assert last["because_of"] == [
        {"verdict": 0, "scenario": "matrix", "subject": "network front", "cause": "vxlan-blocked"}
    ]
    assert last.keys() == {*Verdict.model_fields} - {"broken", "needed"}


def test_junit_keeps_a_consequence_a_failure_and_says_what_it_follows_from() -> None:
    tree = ET.fromstring(as_junit(traced()))  # noqa: S314
    assert tree.get("failures") == "3"
    assert [case[0].text for case in tree] == ["open it", "look", "follows from matrix: network front"]


def test_names_of_hosts_stay_whole_where_the_screen_has_no_room_for_all_of_them() -> None:
    """E5: then columns carry the numbers of the rows."""
    names = tuple(f"a-host-with-a-long-name-{n}" for n in range(6))
    cells = {s: {t: Cell(status=Status.FAILED) for t in names if t != s} for s in names}
    wide = result().model_copy(update={"matrices": (Matrix(scenario="udp", network="f", hosts=names, cells=cells),)})
    lines = shown(wide, width=80).splitlines()
    at = next(number for number, line in enumerate(lines) if line.split()[:1] == ["udp"])
    assert lines[at].split() == ["udp", "1", "2", "3", "4", "5", "6"]
    assert [line.split()[:2] for line in lines[at + 1 : at + 7]] == [[str(n + 1), name] for n, name in enumerate(names)]
    assert all(len(line) <= 80 for line in lines)
