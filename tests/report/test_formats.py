"""Output formats, and where ``--format`` sends them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from swarmnet.cli import output
from swarmnet.cli.output import Output, Targets, wants_json
from swarmnet.errors import ExitCode, UnwrittenError, UsageError
from swarmnet.model.report import Certainty
from swarmnet.report.documents.verify import verify_document
from swarmnet.report.formats import FORMATS
from swarmnet.report.reports.apply import apply_report
from swarmnet.report.reports.verify import verify_report
from tests.report.test_hostile import APPLIED, VERIFIED
from tests.support.verified import a_verification


def test_the_command_line_names_every_format() -> None:
    assert tuple(FORMATS) == output.NAMES


@pytest.mark.parametrize(
    ("words", "as_json", "stdout"),
    [
        (None, False, "terminal"),
        (None, True, "json"),
        (["json"], False, "json"),
        (["json"], True, "json"),
        (["markdown"], False, "markdown"),
        (["junit=out.xml"], False, "terminal"),
        (["terminal=out.txt"], True, "json"),
    ],
)
def test_stdout_has_the_format_without_a_file(words: list[str] | None, *, as_json: bool, stdout: str) -> None:
    assert Output(words, as_json).targets().stdout == stdout


@pytest.mark.parametrize(
    ("words", "as_json"), [(["pdf"], False), (["junit="], False), (["junit", "markdown"], False), (["junit"], True)]
)
def test_what_cannot_be_written_is_refused_before_the_command_begins(words: list[str], *, as_json: bool) -> None:
    with pytest.raises(UsageError):
        Output(words, as_json).targets()


def test_a_file_in_a_directory_that_does_not_exist_is_refused_before_the_command_begins(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory does not exist"):
        Output([f"junit={tmp_path}/none/x.xml"]).targets()


def test_one_run_writes_each_format_to_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [f"{name}={tmp_path}/{name}" for name in FORMATS]

    Output(words, as_json=True).targets(tmp_path / "short").emit(apply_report(APPLIED))

    assert json.loads(capsys.readouterr().out) == json.loads((tmp_path / "json").read_text())
    assert "cluster shop: failed" in (tmp_path / "terminal").read_text()
    assert (tmp_path / "short").read_text() == (tmp_path / "junit").read_text()
    assert (tmp_path / "markdown").read_text().startswith("## swarmnet apply\n")


def test_a_file_that_cannot_be_written_does_not_take_stdout_along(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="cannot write"):
        Targets("json", (("junit", tmp_path),)).emit(verify_report(VERIFIED, verbose=False))

    assert json.loads(capsys.readouterr().out)["status"] == "failed"


def test_a_report_for_a_full_disk_ends_as_failed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnwrittenError, match="cannot write /dev/full: No space left") as caught:
        Targets("json", (("junit", Path("/dev/full")),)).emit(verify_report(VERIFIED, verbose=False))

    assert caught.value.exit_code == ExitCode.FAILED
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["status", "--json"], True),
        (["status", "--format", "json"], True),
        (["status", "--format=json"], True),
        (["status", "--format", "json=x"], False),
        (["status", "json"], False),
    ],
)
def test_errors_are_json_where_the_result_would_be(words: list[str], *, wanted: bool) -> None:
    assert wants_json(words) is wanted


def test_junit_counts_what_a_ci_must_not_take_for_a_pass() -> None:
    tree = ET.fromstring(FORMATS["junit"].render(apply_report(APPLIED)))  # noqa: S314

    counts = {name: int(tree.get(name, "")) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 5, "failures": 2, "errors": 2, "skipped": 1}
    assert tree[0].get("classname") == "apply.command.run"


def test_markdown_keeps_each_check_in_one_row() -> None:
    rows = FORMATS["markdown"].render(verify_report(VERIFIED, verbose=False)).splitlines()

    assert rows[2:5] == ["**no: 1 cause found: network front (0.0 s)**", "", "1 failed"]
    assert rows[-1] == "| failed | matrix: network front | no way | open it |"


def test_markdown_begins_with_what_is_not_fine_and_ends_with_what_changed() -> None:
    """It is what goes into a ticket: how sure a cause is, and the commands against it, are there, too."""
    cause, follows, *fine = a_verification().verdicts
    likely = cause.model_copy(update={"certainty": Certainty.LIKELY})
    result = a_verification().model_copy(update={"verdicts": (*fine, follows, likely)})
    earlier = verify_document(a_verification(fails=False))
    rows = FORMATS["markdown"].render(verify_report(result, verbose=False, earlier=earlier)).splitlines()

    table = [row.split(" | ")[0].removeprefix("| ") for row in rows if row.startswith("| ")][2:]
    assert table == ["failed", "failed (likely)", "ok"]
    assert any(row.endswith("open UDP 4789; iptables -I INPUT -p udp --dport 4789 -j ACCEPT |") for row in rows)
    assert rows[-8:-6] == ["- h1 was slow", "- since run r1 (ok): 2 findings and 8 pairs changed"]


def test_the_id_of_a_cause_is_in_json_and_junit() -> None:
    verdict = VERIFIED.verdicts[0].model_copy(update={"cause": "esp-blocked"})
    report = verify_report(VERIFIED.model_copy(update={"verdicts": (verdict,)}), verbose=False)

    assert json.loads(FORMATS["json"].render(report))["verdicts"][0]["cause"] == "esp-blocked"
    assert ET.fromstring(FORMATS["junit"].render(report))[0][0].get("type") == "esp-blocked"  # noqa: S314
