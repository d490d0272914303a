"""Read `methodology.toml` into typed settings, and name what was read."""

from __future__ import annotations

import collections.abc
import dataclasses
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from jdl_spark import resources
from jdl_spark.errors import UsageError
from jdl_spark.settings import Methodology

T = TypeVar("T")


def load(path: Path | None = None) -> Methodology:
    """Return the settings in a methodology file; the one that ships with the package by default.

    Raises
    ------
    UsageError
        If the file is missing, is not TOML, names an unknown setting or gives a value of the wrong
        kind. The message names the setting.
    """
    path = path or resources.conf("methodology.toml")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"there is no methodology file at {path}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}") from error
    return build(Methodology, content, str(path))


def digest(methodology: Methodology) -> str:
    """Return the SHA-256 over every setting, so that a changed value is a changed methodology."""
    text = json.dumps(dataclasses.asdict(methodology), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def build(kind: type[T], content: Mapping[str, Any], where: str) -> T:
    """Make a settings dataclass from a TOML table; nested dataclasses from nested tables.

    Raises
    ------
    UsageError
        For an unknown or missing setting or a value of the wrong kind; `where` leads the message.
    """
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(content) - set(fields))
    if unknown:
        raise UsageError(f"{where}: unknown setting {unknown[0]!r}; known here: {', '.join(sorted(fields))}")
    values: dict[str, Any] = {}
    for name, value in content.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            if not isinstance(value, Mapping):
                raise UsageError(f"{where}: {name} must be a table, written [{name}]")
            values[name] = build(hint, value, f"{where} [{name}]")
        else:
            values[name] = _value(hint, value, f"{where}: {name}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UsageError(f"{where}: the setting {missing[0]!r} is missing")
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        if value not in arguments:
            raise UsageError(f"{where} must be one of {', '.join(map(repr, arguments))}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value == "none" and type(None) in arguments:  # TOML has no null
            return None
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise UsageError(f"{where} must be a list")
        return tuple(_value(arguments[0], item, where) for item in value)
    if origin in (collections.abc.Mapping, dict):
        if not isinstance(value, dict):
            raise UsageError(f"{where} must be a table of values by name")
        return {name: _value(arguments[1], item, f"{where}.{name}") for name, item in value.items()}
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise UsageError(f"{where} must be a {hint.__name__}, not a {type(value).__name__}")
    return value
