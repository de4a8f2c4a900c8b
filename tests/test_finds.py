"""One way to find an object by its name, id or host: ``swarmnet/model/find.py``."""

from __future__ import annotations

import re
from pathlib import Path

import swarmnet

ROOT = Path(swarmnet.__file__).parent
BY_HAND = re.compile(r"next\(\((\w+) for \1 in [^\n]+? if \1\.(?:spec\.name|id|host|name) == [\w.]+\), None\)")


def test_no_module_finds_by_hand() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if BY_HAND.search(path.read_text())}
    assert found == {"model/find.py"}, "use by_name, by_id, of_host or called of swarmnet.model.find"
