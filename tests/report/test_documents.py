"""The JSON documents: no inner change alters them, and what commands print fits the schemas that they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from typer.testing import CliRunner

from swarmnet.cli.main import build
from swarmnet.errors import DocumentError, Problem, RefusedError
from swarmnet.model.redaction import Cover
from swarmnet.plan.recovery.supplies import supplies_of
from swarmnet.report.documents.apply import apply_document
from swarmnet.report.documents.at_hand import at_hand_document
from swarmnet.report.documents.backups import backups_document, create_document, show_document
from swarmnet.report.documents.drift import drift_document
from swarmnet.report.documents.error import error_document
from swarmnet.report.documents.lock import locks_document
from swarmnet.report.documents.plan import RestorePlanDocument, plan_body
from swarmnet.report.documents.registry import DOCUMENTS
from swarmnet.report.documents.restore import backup_name, restore_document, supply_entries
from swarmnet.report.documents.status import status_document
from swarmnet.report.documents.verify import verify_document
from swarmnet.workflows.apply import apply, prepare
from swarmnet.workflows.fleet.observe import observe
from tests.report.test_hostile import APPLIED, AT_HAND, DRIFT, HOLDER, PLAN, RESTORED, STATE, VERIFIED
from tests.simulator import World
from tests.support.backups import a_document
from tests.support.clusters import inventory
from tests.support.goals import goal, operator, terms

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.report.documents.base import Output

GOLDEN = Path(__file__).with_name("documents-1.json")
SITE = """
schema: 1
name: site
steps:
  - swarm: {}
  - network: {name: front, attachable: true}
  - service: {name: web, image: "demo:1", networks: [front]}
"""


def printed_schema(name: str) -> dict[str, Any]:
    done = CliRunner().invoke(build(["schema"]), ["schema", name])
    assert done.exit_code == 0
    schema: dict[str, Any] = json.loads(done.stdout)
    return schema


def shape(schema: JsonValue) -> JsonValue:
    """Return what programs rest on: keys and types, without any description or title."""

    def bare(node: JsonValue) -> JsonValue:
        if isinstance(node, dict):
            return {
                key: {name: bare(inner) for name, inner in value.items()}
                if key in ("properties", "$defs") and isinstance(value, dict)
                else bare(value)
                for key, value in node.items()
                if key not in ("description", "title", "$id", "$schema")
            }
        return [bare(inner) for inner in node] if isinstance(node, list) else node

    return bare(schema)


def misfits(document: Output, name: str) -> list[str]:
    """Return where a document does not fit its schema."""
    tree = json.loads(json.dumps(document.tree, allow_nan=False))
    validator = jsonschema.Draft202012Validator(printed_schema(name))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(tree)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_shape_of_a_document_stays_as_it_was_published(name: str) -> None:
    """To add a key, write it into the golden file. To rename or remove one, publish schema 2 instead."""
    published = json.loads(GOLDEN.read_text(encoding="utf-8"))

    assert shape(printed_schema(name)) == published[name]


def test_every_published_document_is_there_still() -> None:
    assert json.loads(GOLDEN.read_text(encoding="utf-8")).keys() == DOCUMENTS.keys()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_key_is_always_there_and_no_other(name: str) -> None:
    schema = printed_schema(name)
    for node in (schema, *schema.get("$defs", {}).values()):
        if "properties" in node:
            assert sorted(node["required"]) == sorted(node["properties"])
            assert node["additionalProperties"] is False


def test_what_runs_on_a_simulated_cluster_print_fits_the_schemas() -> None:
    world = World(managers=3, workers=1)
    wanted = goal(world.inventory, SITE)
    planned = prepare(world.ports(), wanted)
    assert misfits(_plan(plan_body(planned.plan, planned.state, Cover())), "restore-plan") == []
    assert misfits(apply_document(apply(world.ports(), wanted, terms())), "apply") == []
    state = observe(world.ports())
    assert misfits(status_document(state, world.inventory, []), "status") == []
    assert misfits(status_document(observe(World(managers=1).ports()), inventory(), []), "status") == []


def _plan(body: Output) -> RestorePlanDocument:
    return RestorePlanDocument(
        **dict(body),
        backup=backup_name(a_document()),
        refused=["no"],
        skips=[],
        losses=show_document(a_document()).losses,
        supplies=supply_entries(supplies_of(a_document())),
        next="swarmnet restore apply",
    )


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (apply_document(APPLIED), "apply"),
        (restore_document(RESTORED), "restore"),
        (verify_document(VERIFIED), "verify"),
        (drift_document(DRIFT, Cover(shows=True), ("prod", "prod")), "drift"),
        (locks_document("shop", [HOLDER], operator()), "lock"),
        (status_document(STATE, inventory(), []), "status"),
        (_plan(plan_body(PLAN, STATE, Cover())), "restore-plan"),
        (at_hand_document(AT_HAND, ["swarmnet restore plan"]), "restore-at-hand"),
        (show_document(a_document()), "backup-show"),
        (create_document(a_document(), Path("x"), 1), "backup-create"),
        (backups_document([]), "backups"),
        (error_document(RefusedError("no", hint="why")), "error"),
        (error_document(DocumentError((Problem("p.yml", 1, "wrong"),))), "file-error"),
    ],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_a_document_with_everything_in_it_fits_its_schema(document: Output, name: str) -> None:
    assert misfits(document, name) == []
