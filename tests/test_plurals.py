"""Numbers agree with what they count: ``swarmnet/model/plural.py`` writes ``1 host`` and ``2 hosts``."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import swarmnet
from swarmnet.model.plural import count

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(swarmnet.__file__).parent
NOUNS = (
    "actions addresses attempts backends backups blocks causes certificates clients connections containers copies"
    " datagrams devices engines entries errors failures findings flows hosts images kernels labs layers lines members"
    " messages networks nodes objects packets pairs probes programs questions recipients replicas requests routes rows"
    " rules schedules secrets senders services subnets tables tasks volumes warnings workers"
)
BEFORE = "failed|free|ingress|more|new|ordered|published|running|tested|usable"
COUNTED = re.compile(rf" (?:(?:{BEFORE}) ){{0,2}}(?:{'|'.join(NOUNS.split())})\b")
"""What follows a number: a noun in the plural, as in ``3 ordered pairs``."""
SEVERAL = {
    "cli/commands/lab/view.py": {"len(names)"},
    "cli/commands/trust.py": {"len(new)"},
    "edge/operator/schedules.py": {"len(names)"},
    "lab/machine/subnets.py": {"hosts + 3"},
    "operations/network/checks.py": {"len(ids)"},
    "operations/service/mounted.py": {"len(nodes)"},
    "operations/service/ports.py": {"tasks"},
    "operations/swarm/moved_tasks.py": {"wanted"},
    "report/formats/grids.py": {"counted"},
    "report/terminal/verdicts.py": {"len(names)"},
    "verify/scenarios/balancing/balance.py": {"one.detail"},
    "verify/scenarios/encryption/states.py": {"pairs"},
    "verify/scenarios/hosts/connections.py": {"count"},
    "verify/scenarios/mesh/ingress_network.py": {"len(names)"},
    "verify/scenarios/own/spread.py": {"len(tasks)"},
    "verify/scenarios/own/tasks.py": {"detail"},
    "verify/scenarios/pairs/loss.py": {"len(rates)"},
    "verify/scenarios/pairs/matrix.py": {"len(cells)"},
    "verify/scenarios/sizes/overlay.py": {"name", "tested"},
    "workflows/backup_lookup.py": {"len(found)"},
}
"""What is not a number, or always above 1, by file: the code asks for that, or pairs have two directions."""


def uncounted(text: str) -> Iterator[str]:
    """Yield each number of the f-strings of a module that is written next to a plural."""
    for string in (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.JoinedStr)):
        before = ""
        for part, after in zip(string.values, (*string.values[1:], None), strict=True):
            if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant):
                is_whole = before.endswith((" of ", " of its "))
                if COUNTED.match(str(after.value)) and not is_whole and _is_number(part):
                    yield ast.unparse(part.value)
            before = str(part.value) if isinstance(part, ast.Constant) else ""


def _is_number(part: ast.FormattedValue) -> bool:
    """Return whether it is a length, a sum, or another value that is written as it is; ``LIMITS`` are above 1."""
    if part.format_spec is not None or part.conversion != -1:
        return False
    if isinstance(part.value, ast.Call):
        return isinstance(part.value.func, ast.Name) and part.value.func.id in ("len", "sum", "max", "min")
    return isinstance(part.value, ast.Name | ast.Attribute | ast.BinOp) and not ast.unparse(part.value).isupper()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('f"{len(left)} hosts agree"', ["len(left)"]),
        ('f"{tries} ordered pairs"', ["tries"]),
        ('f"all {sum(left)} of it; {name} listens"', []),
        ('f"{len(bad)} of {len(tasks)} tasks"', []),
        ("f\"{count(len(left), 'host')} in all hosts\"", []),
    ],
)
def test_a_number_next_to_a_plural_is_found(text: str, found: list[str]) -> None:
    assert list(uncounted(text)) == found


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (0, ("host",), "0 hosts"),
        (1, ("address", "addresses"), "1 address"),
        (2, ("address", "addresses"), "2 addresses"),
        (1, ("host agrees", "hosts agree"), "1 host agrees"),
    ],
)
def test_words_agree_with_their_number(number: int, words: tuple[str, ...], said: str) -> None:
    assert count(number, *words) == said


def test_no_module_writes_a_number_next_to_a_plural() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {one}"
        for path in ROOT.rglob("*.py")
        for one in uncounted(path.read_text())
        if one not in SEVERAL.get(str(path.relative_to(ROOT)), set())
    }
    assert not found, "use count of swarmnet.model.plural"
