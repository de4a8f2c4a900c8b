from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.edge.engine.wire.parts import as_object
from swarmnet.edge.engine.wire.service import Names, service_to_wire, spec_from_wire
from swarmnet.model.service import ServiceMode

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject


def _credentials(config_id: str) -> JsonObject:
    """Return a service as `docker service create --credential-spec config://page` makes it (seen on 20.10 to 28.5)."""
    file: JsonObject = {
        "File": {"Name": "/c", "UID": "0", "GID": "0", "Mode": 292},
        "ConfigID": config_id,
        "ConfigName": "page",
    }
    container: JsonObject = {
        "Image": "img:1",
        "Privileges": {"CredentialSpec": {"Config": config_id, "File": "", "Registry": ""}},
        "Configs": [{"Runtime": {}, "ConfigID": config_id, "ConfigName": "page"}, file],
    }
    return {"Name": "credentials", "TaskTemplate": {"ContainerSpec": container}}


def test_b15_configs_of_credential_specs_are_known_by_name_and_sent_with_the_ids_of_the_new_swarm() -> None:
    spec = spec_from_wire(_credentials("old"), Names())
    assert spec.uses("Config") == ("page", "page")
    assert "old" not in spec.model_dump_json()
    sent = service_to_wire(spec, Names(configs={"page": "new"}))
    container = as_object(as_object(sent["TaskTemplate"])["ContainerSpec"])
    assert container["Privileges"] == {"CredentialSpec": {"Config": "new"}}
    assert container["Configs"] == as_object(as_object(_credentials("new")["TaskTemplate"])["ContainerSpec"])["Configs"]


def test_b15_the_mode_of_a_global_job_is_kept_though_it_is_an_empty_object() -> None:
    spec = spec_from_wire({"Name": "once", "Mode": {"GlobalJob": {}}, "TaskTemplate": {}}, Names())
    assert spec.mode is ServiceMode.GLOBAL_JOB
    assert service_to_wire(spec, Names())["Mode"] == {"GlobalJob": {}}
