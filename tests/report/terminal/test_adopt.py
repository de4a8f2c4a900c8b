from __future__ import annotations

from swarmnet.report.documents.adopt import AdoptDocument
from swarmnet.report.terminal.adopt import adopt_lines


def test_what_was_written_is_counted_in_words() -> None:
    document = AdoptDocument(
        schema_=1,
        cluster="c",
        playbook="p.yml",
        inventory=None,
        files=[],
        steps={"swarm": 1, "network": 4},
        left_out=[],
        warnings=[],
        failures=[],
    )
    assert next(iter(adopt_lines(document))) == "wrote p.yml: 1 swarm, 4 networks"
