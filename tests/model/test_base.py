"""What holds for all models: each one's validator can be built, though that happens at its first use only."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from pydantic import BaseModel

import swarmnet

if TYPE_CHECKING:
    from collections.abc import Iterator


def _models(base: type[BaseModel] = BaseModel) -> Iterator[type[BaseModel]]:
    for one in base.__subclasses__():
        if one.__module__.startswith("swarmnet."):
            yield one
        yield from _models(one)


def test_every_model_can_be_built() -> None:
    for module in pkgutil.walk_packages(swarmnet.__path__, "swarmnet."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    models = {*_models()}

    for one in models:
        one.model_rebuild()

    assert [one.__name__ for one in models if not one.__pydantic_complete__] == []
    assert len(models) > 250
