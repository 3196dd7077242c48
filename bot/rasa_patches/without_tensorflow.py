"""Lets Rasa start without TensorFlow, which it imports for components that no pipeline of this bot has.

`python -m bot.rasa_patches.without_tensorflow run ...` is `rasa run ...` without it; plain `rasa` is as ever.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from bot.command_line import hide_library_warnings
from bot.settings import get_settings

_PACKAGES = ("tensorflow", "tensorflow_addons", "tensorflow_hub", "tensorflow_text", "keras")
_ASKED_FOR = "tensorflow.experimental"
"""The module by which thinc, a library that spaCy uses, finds out whether TensorFlow is installed; its import fails."""


class _Absent(type):
    """The type of all that is found in the absent packages: base classes, decorators, types of arguments."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(name)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        if "is_absent" not in vars(cls):  # a class of Rasa's own is to work now
            raise RuntimeError(
                f"{cls.__name__} needs TensorFlow, which is left out; BOT_RASA_PATCHES=off has it loaded."
            )
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else cls

    def __getitem__(cls, item: object) -> _Absent:
        return cls

    def __or__(cls, other: object) -> _Absent:
        return cls

    __ror__ = __or__


def _absent(name: str) -> _Absent:
    return _Absent(name, (), {"is_absent": True})


class _AbsentModule(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _absent(name)


class _AbsentPackages(MetaPathFinder, Loader):
    """Finds an empty module for each module of the absent packages."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name.startswith(_ASKED_FOR):
            raise ModuleNotFoundError(f"{name} is left out (bot/rasa_patches/without_tensorflow.py)", name=name)
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in _PACKAGES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _AbsentModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def install() -> None:
    """Has later imports of TensorFlow find empty modules; changes nothing where it is loaded already."""
    if "tensorflow" not in sys.modules and get_settings().rasa_patches == "on":
        sys.meta_path.insert(0, _AbsentPackages())


if __name__ == "__main__":
    install()
    hide_library_warnings()
    from rasa.__main__ import main

    main()
