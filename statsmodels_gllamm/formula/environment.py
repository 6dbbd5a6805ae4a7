"""Names from outside the data that a stored formula needs: modules are stored by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
import pickle
from types import ModuleType

__all__ = ["restored", "storable"]


@dataclass(frozen=True)
class _Module:
    """Stands for a module in a pickle."""

    name: str


def storable(env: Mapping) -> tuple[dict, tuple[str, ...]]:
    """The names that can be pickled, and those that cannot.

    Parameters
    ----------
    env : mapping
    """
    kept, lost = {}, []
    for name, value in env.items():
        if isinstance(value, ModuleType):
            kept[name] = _Module(value.__name__)
            continue
        try:
            pickle.dumps(value)
            kept[name] = value
        except Exception:
            lost.append(name)
    return kept, tuple(lost)


def restored(env: Mapping) -> dict:
    """What `storable` has kept, with its modules.

    Parameters
    ----------
    env : mapping
    """
    return {name: import_module(value.name) if isinstance(value, _Module) else value
            for name, value in env.items()}
