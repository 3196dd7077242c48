"""Base classes of our Rasa components: one that checks settings, one that also trains, stores and loads a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeAlias

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException, RasaException
from rasa.shared.nlu.training_data.training_data import TrainingData
from typing_extensions import Self

from bot.encoder.sentences import sentence_encoder_version
from bot.files import sha256_of
from bot.nlu.models.linear import FORMAT, ModelError
from bot.settings import get_settings

Config: TypeAlias = dict[str, Any]

_FITS: Mapping[str, Callable[[Any], bool]] = {
    "above 0": lambda value: value > 0,
    "above 0 and at most 1": lambda value: 0 < value <= 1,
    "between 0 and 1": lambda value: 0 <= value <= 1,
    "a power of two": lambda value: value >= 2 and not value & (value - 1),
    "anything": lambda value: True,
}


class Setting(NamedTuple):
    """A setting of a component.

    Args:
        default: its value where config.yml leaves it out.
        must_be: the condition that its value must fulfil, one of `_FITS`.
    """

    default: Any
    must_be: str = "anything"


class Component(GraphComponent):
    """A component that refuses settings that cannot work.

    Args:
        config: the settings, with those of `get_default_config` that config.yml leaves out.
        model_storage: where Rasa keeps trained components.
        resource: this component's place in it.
    """

    SETTINGS: ClassVar[Mapping[str, Setting]] = {}

    def __init__(self, config: Config, model_storage: ModelStorage, resource: Resource) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource

    @classmethod
    def get_default_config(cls) -> Config:
        """Returns every setting with its default."""
        return {name: setting.default for name, setting in cls.SETTINGS.items()}

    @classmethod
    def validate_config(cls, config: Config) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names component and setting, and what it must be.
        """
        for key, (default, must_be) in cls.SETTINGS.items():
            if not _FITS[must_be](config.get(key, default)):
                raise InvalidConfigException(f"{cls.__name__}: `{key}` must be {must_be}, it is {config[key]}.")

    @classmethod
    def create(
        cls, config: Config, model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> Self:
        """Creates the component, untrained.

        Raises:
            InvalidConfigException: a setting cannot work.
        """
        cls.validate_config(config)
        return cls(config, model_storage, resource)


class TrainedComponent(Component):
    """A component whose model `save` writes into a folder and `restore` reads from it."""

    model: Any
    """Set by `learn` and `restore`."""

    FILES: ClassVar[tuple[str, ...]] = ()
    """Files of the data folder that it learns from beside the training data."""

    def learn(self, training_data: TrainingData) -> None:
        """Learns from Rasa's training data."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Writes what was learned into a folder."""
        self.model.save(folder)

    def restore(self, folder: Path) -> None:
        """Reads what `save` wrote.

        Raises:
            ModelError: it cannot be used.
        """
        raise NotImplementedError

    @classmethod
    def fingerprint_addon(cls, config: Config) -> str:
        """Makes Rasa's cache notice another sentence encoder, other files, and another format of what is stored."""
        files = [get_settings().data_dir / name for name in cls.FILES]
        return " ".join([FORMAT, sentence_encoder_version(), *(sha256_of(path) for path in files if path.exists())])

    def train(self, training_data: TrainingData) -> Resource:
        """Learns, and writes what was learned into Rasa's model storage; returns the place."""
        self.learn(training_data)
        with self._model_storage.write_to(self._resource) as folder:
            self.save(folder)
        return self._resource

    @classmethod
    def load(
        cls, config: Config, model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
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
