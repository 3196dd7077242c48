"""A base of the components that store what they have learned, and the check of components' settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException, RasaException

from bot.nlu.models.linear import ModelError

Self = TypeVar("Self", bound="TrainedComponent")

_FITS: Mapping[str, Callable[[Any], bool]] = {
    "above 0": lambda value: value > 0,
    "above 0 and at most 1": lambda value: 0 < value <= 1,
    "between 0 and 1": lambda value: 0 <= value <= 1,
    "at least 0 and below 1": lambda value: 0 <= value < 1,
    "at least 1": lambda value: value >= 1,
    "a power of two": lambda value: value >= 2 and not value & (value - 1),
}


def check_settings(component: type, config: Mapping[str, Any], must_be: Mapping[str, Sequence[str]]) -> None:
    """Refuses settings that cannot work.

    Args:
        component: the class that has the settings.
        config: them, by name.
        must_be: condition, one of `_FITS` -> the settings that must fulfil it.

    Raises:
        InvalidConfigException: names component and setting, and what it must be.
    """
    for condition, keys in must_be.items():
        for key in keys:
            if not _FITS[condition](config[key]):
                raise InvalidConfigException(f"{component.__name__}: `{key}` must be {condition}, it is {config[key]}.")


class TrainedComponent(GraphComponent):
    """A component whose model `save` writes into a folder and `restore` reads from it.

    Args:
        config: the settings, with those of `get_default_config` that config.yml leaves out.
        model_storage: where Rasa keeps trained components.
        resource: this component's place in it.
    """

    MUST_BE: ClassVar[Mapping[str, Sequence[str]]] = {}
    """Condition -> settings that must fulfil it, see `check_settings`."""

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource

    def save(self, folder: Path) -> None:
        """Writes what was learned into a folder."""
        raise NotImplementedError

    def restore(self, folder: Path) -> None:
        """Reads what `save` wrote.

        Raises:
            ModelError: it cannot be used.
        """
        raise NotImplementedError

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuses settings that cannot work, see `check_settings`."""
        check_settings(cls, config, cls.MUST_BE)

    @classmethod
    def create(
        cls: type[Self],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Self:
        """Creates an untrained component."""
        cls.validate_config(config)
        return cls(config, model_storage, resource)

    def persist(self) -> Resource:
        """Writes what was learned into Rasa's model storage; returns the place."""
        with self._model_storage.write_to(self._resource) as folder:
            self.save(folder)
        return self._resource

    @classmethod
    def load(
        cls: type[Self],
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Self:
        """Loads a trained component.

        Raises:
            RasaException: its model cannot be used; the message says why and what to do.
        """
        component = cls(config, model_storage, resource)
        try:
            with model_storage.read_from(resource) as folder:
                component.restore(folder)
        except ModelError as error:
            raise RasaException(str(error)) from error  # of any other error Rasa shows no message
        return component
