"""How a verification looks: on a terminal, as JSON, as JUnit."""

from __future__ import annotations

import io
import json
from itertools import permutations
from xml.etree import ElementTree as ET

from rich.console import Console

from swarmnet.model.report import Cause, Status, Verdict
from swarmnet.model.verification import Cell, Matrix, Verification
from swarmnet.report.junit import as_junit
from swarmnet.report.matrix import as_json, show


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


def shown(one: Verification, *, terminal: bool = False) -> str:
    out = io.StringIO()
    show(Console(file=out, force_terminal=terminal, width=100, highlight=False), one)
    return out.getvalue()


def test_rows_send_and_columns_receive() -> None:
    lines = [" ".join(line.split()) for line in shown(result()).splitlines()]
    assert lines[1:5] == ["udp w1 w2 w3", "w1 x .", "w2 . .", "w3 . ."]


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


def traced() -> Verification:
    """Return a cause, what follows from it, and a failure of its own, in the order of the JSON."""
    because = (Cause(verdict=0, scenario="matrix", subject="network front"),)
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


def test_what_follows_from_a_cause_stands_under_it_without_advice_of_its_own() -> None:
    lines = shown(traced()).splitlines()
    at = next(number for number, line in enumerate(lines) if "matrix: network front: no way" in line)
    assert lines[at + 1 : at + 3] == ["  fix: open it", "    x follows: balance: network front: lost 2"]
    assert "update it" not in shown(traced())


def test_the_last_line_counts_causes_and_consequences_apart() -> None:
    assert shown(traced()).splitlines()[-1] == "failed: 2 failed; 1 consequence (1 failed) (0.0 s)"


def test_json_names_the_causes_of_a_verdict_and_nothing_that_only_the_judgement_needs() -> None:
    body = as_json(traced())
    verdicts = body["verdicts"]
    assert isinstance(verdicts, list)
    last = verdicts[-1]
    assert isinstance(last, dict)
    assert last["because_of"] == [{"verdict": 0, "scenario": "matrix", "subject": "network front"}]
    assert last.keys() == {"scenario", "subject", "status", "detail", "fix", "evidence", "because_of"}


def test_junit_keeps_a_consequence_a_failure_and_says_what_it_follows_from() -> None:
    tree = ET.fromstring(as_junit(traced()))  # noqa: S314
    assert tree.get("failures") == "3"
    assert [case[0].text for case in tree] == ["open it", "look", "follows from matrix: network front"]
