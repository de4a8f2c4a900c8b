from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmnet.edge.engine.wire.parts import as_object, as_text
from swarmnet.edge.engine.wire.service import spec_from_wire
from swarmnet.errors import SchemaError
from swarmnet.model.backup import SCHEMA, canonical, dump, load, strict_json
from swarmnet.model.compare import service_changes
from tests.edge.engine.wire.test_wire_service import names_of
from tests.support.backups import a_document, documents
from tests.support.recorded import named

if TYPE_CHECKING:
    from swarmnet.model.backup import BackupDocument
    from swarmnet.model.base import JsonObject

GOLDEN = Path(__file__).with_name("backup-1.0.json")
OLDER = Path(__file__).with_name("backup-1.0-extra.json")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON)
def test_canonical_json_reads_back_as_the_same_value(value: JsonObject) -> None:
    assert strict_json(canonical(value)) == value


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers(), min_size=2))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert canonical(dict(reversed(value.items()))) == canonical(dict(value))


@settings(max_examples=30, deadline=None)
@given(documents())
def test_every_document_survives_its_text(document: BackupDocument) -> None:
    assert load(dump(document)) == document
    assert dump(load(dump(document))) == dump(document)


@pytest.mark.parametrize(
    "text",
    [b'{"a":1,"a":2}', b'{"a":NaN}', b"[Infinity]", b"\xff", b"", b"[" * 100_000, b"9" * 5000],
    ids=["duplicate key", "nan", "infinity", "not utf-8", "empty", "deep", "huge number"],
)
def test_text_that_others_would_read_differently_is_refused(text: bytes) -> None:
    with pytest.raises(SchemaError):
        strict_json(text)


def test_numbers_larger_than_a_double_are_kept_exactly() -> None:
    assert strict_json(canonical({"cert_expiry": 2**63 + 1})) == {"cert_expiry": 2**63 + 1}


def test_the_golden_file_of_schema_1_0_still_reads() -> None:
    document, now = load(GOLDEN.read_bytes()), a_document()
    lost = [[(loss.kind, loss.what) for loss in one.losses] for one in (document, now)]  # the words may differ
    assert lost[0] == lost[1]
    assert document.model_copy(update={"losses": ()}) == now.model_copy(update={"losses": ()})
    assert document.schema_version == f"{SCHEMA[0]}.{SCHEMA[1]}"


def test_what_got_a_field_after_the_backup_was_taken_is_read_with_it() -> None:
    """The file was written when signal, init, sysctls and read-only file systems had no field."""
    kept = next(one.spec for one in load(OLDER.read_bytes()).state.services if one.spec.name == "full")
    seen = deepcopy(as_object(named("26.1", "services", "full")["Spec"]))
    container = as_object(as_object(seen["TaskTemplate"])["ContainerSpec"])
    container |= {"Init": True, "ReadOnly": True, "Sysctls": {"net.core.somaxconn": "99"}}
    assert (kept.init, kept.read_only, kept.sysctls) == (True, True, {"net.core.somaxconn": "99"})
    assert kept.stop_signal == as_text(container["StopSignal"])
    assert service_changes(kept, spec_from_wire(seen, names_of("26.1")), exact=True) == ()


def test_fields_of_a_newer_minor_schema_are_kept_and_written_back() -> None:
    tree = json.loads(dump(a_document()))
    tree["schema"] = f"{SCHEMA[0]}.{SCHEMA[1] + 1}"
    tree["mood"] = {"level": 7}
    tree["state"]["networks"][0]["spec"]["colour"] = "green"
    text = canonical(tree)
    document = load(text)
    assert document.cluster == "prod"
    assert dump(document) == text


def test_a_field_unknown_to_the_same_schema_is_refused_by_its_place() -> None:
    tree = json.loads(dump(a_document()))
    tree["state"]["swarm"]["colour"] = "green"
    with pytest.raises(SchemaError, match=r"state\.swarm\.colour"):
        load(canonical(tree))


@pytest.mark.parametrize("schema", ["2.0", "1", 1, None, "one.two", "0.9", "1.0.0", "\u0661.0"])
def test_a_schema_without_a_known_way_is_refused(schema: object) -> None:
    tree = json.loads(dump(a_document())) | {"schema": schema}
    with pytest.raises(SchemaError) as caught:
        load(canonical(tree))
    assert caught.value.exit_code == 14


def test_an_older_schema_passes_through_its_migrations_one_after_the_other() -> None:
    def renamed(tree: JsonObject) -> JsonObject:
        return {("name" if key == "title" else key): value for key, value in tree.items()} | {"schema": "0.9"}

    def named_cluster(tree: JsonObject) -> JsonObject:
        return {("cluster" if key == "name" else key): value for key, value in tree.items()} | {"schema": "1.1"}

    tree = json.loads(dump(a_document())) | {"schema": "0.8"}
    tree["title"] = tree.pop("cluster")
    steps = {(0, 8): ((0, 9), renamed), (0, 9): ((1, 1), named_cluster)}
    assert load(canonical(tree), migrations=steps) == a_document()


def test_completeness_needs_a_manager_that_answered_and_every_host() -> None:
    whole = a_document().completeness
    assert whole.complete
    assert not whole.model_copy(update={"swarm": False}).complete
    assert not whole.model_copy(update={"hosts": ()}).complete


def test_the_documents_time_is_kept_in_utc() -> None:
    assert load(dump(a_document())).created == datetime(2026, 1, 31, 4, 5, 6, 123456, tzinfo=UTC)


def test_what_a_trace_shows_of_a_document_holds_no_data_of_configs() -> None:
    """L9."""
    assert a_document().state.configs[0].spec.data == b"\x00listen 80;\n"
    assert "listen" not in repr(a_document())


@pytest.mark.parametrize("env", [{"=": "", "": ""}, {"b=c": "1", "a": "2"}])
def test_variables_that_no_list_can_hold_come_back(env: dict[str, str]) -> None:
    document = a_document()
    first = document.state.services[0]
    service = first.model_copy(update={"spec": first.spec.model_copy(update={"env": env})})
    state = document.state.model_copy(update={"services": (service,)})

    read = load(dump(document.model_copy(update={"state": state})))

    assert read.state.services[0].spec.env == env


@pytest.mark.parametrize("env", [{"Z": "1", "A": "2", "M": "a=b"}, {"A": "1", "Z": "2"}, {}])
def test_b15_variables_come_back_in_their_order(env: dict[str, str]) -> None:
    document = a_document()
    (first, *rest) = document.state.services
    service = first.model_copy(update={"spec": first.spec.model_copy(update={"env": env})})
    document = document.model_copy(update={"state": document.state.model_copy(update={"services": (service, *rest)})})

    read = load(dump(document))

    assert list((read.state.services[0].spec.env or {}).items()) == list(env.items())
    assert dump(read) == dump(document)


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "", ".", "a//b", "a\\b", "a\0b", "./a"])
def test_a_file_of_a_backup_cannot_have_a_name_that_leaves_its_folder(name: str) -> None:
    tree = json.loads(dump(a_document()))
    tree["sources"] = {"playbook": "a", "inventory": "b", "files": [{"name": name, "content": ""}], "missing": []}
    with pytest.raises(SchemaError, match=r"sources\.files\.0\.name"):
        load(canonical(tree))


def test_a_backup_of_1_0_becomes_one_of_1_1_without_files() -> None:
    tree = json.loads(dump(a_document())) | {"schema": "1.0"}
    del tree["sources"]
    document = load(canonical(tree))
    assert (document.schema_version, document.sources) == ("1.1", None)
    assert json.loads(dump(document))["schema"] == "1.1", "an older version knows what it does not know"
