"""What operators read stands alone: what a verdict follows from is in ``because_of``, not in its words.

A text that sends to findings of other scenarios is wrong where these were not asked, or found nothing.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import swarmnet.verify
from swarmnet.verify.checks import CHECKS
from swarmnet.verify.scenarios import ALL
from swarmnet.verify.scenarios.mesh.published import Published
from tests.verify.scenarios.test_published import WEB, knocked, with_services

NAMES = "|".join(sorted({one.name for one in (*ALL, *CHECKS)}))
ELSEWHERE = re.compile(
    rf"\bfindings\b|\(see [a-z]+(-[a-z]+)*\)|\bscenarios? [a-z]|\bsee ({NAMES})\b|\b({NAMES}) (finds?|shows?|says?)\b"
)
"""A scenario or check by its name, in the forms in which a text sends there. What is typed is not one of them."""
ROOT = Path(swarmnet.verify.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))


def words(source: str) -> list[str]:
    """Return the texts of a program, docstrings left out."""
    tree = ast.parse(source)
    bare = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    return [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in bare
    ]


def test_texts_are_found_in_all_their_forms() -> None:
    found = words('"""See the findings."""\nfix = f"{one}: fix the findings of vip first"\nmore = "restart" " it"\n')
    assert [bool(ELSEWHERE.search(one)) for one in found] == [False, True]
    assert "restart it" in found


@pytest.mark.parametrize(
    "text",
    [
        "single connections are lost on the way: see scenario loss; if it finds nothing, run verify again",
        "restart Docker on w1; scenario ipsec shows its states",
        "compare the IPsec states of both hosts (scenario ipsec)",
        "fix what firewall and kernel-settings find on w1",
        "more about it: see mesh-tcp",
    ],
)
def test_every_form_that_sends_elsewhere_is_known(text: str) -> None:
    assert ELSEWHERE.search(text)


def test_a_command_to_type_sends_nowhere() -> None:
    assert not ELSEWHERE.search("count what the lines lose (swarmnet verify --only loss)")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_sends_to_findings_that_may_not_be_there(path: Path) -> None:
    assert [one for one in words(path.read_text(encoding="utf-8")) if ELSEWHERE.search(one)] == []


def test_a_closed_port_that_stands_alone_says_what_to_do() -> None:
    (verdict,) = Published().judge(with_services(WEB), knocked(shut="w2")).verdicts
    assert verdict.fix == "restart Docker on these nodes to recreate the rules (systemctl restart docker)"
