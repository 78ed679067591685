# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`greencore settings`: every environment variable of every role."""

import importlib
from collections.abc import Iterator
from typing import NamedTuple

import click
from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

CLASSES = {
    "every role": "kit.settings:Settings",
    "api": "api.settings:ApiSettings",
    "worker": "api.settings:WorkerSettings",
    "indexer": "indexer.settings:IndexerSettings",
    "oracle": "oracle.settings:OracleSettings",
    "edge": "edge.settings:EdgeSettings",
}


class Variable(NamedTuple):
    """One environment variable."""

    name: str
    default: str
    meaning: str


@click.command("settings")
@click.argument("role", required=False, type=click.Choice([*CLASSES][1:]))
def command(role: str | None) -> None:
    """Print every environment variable with its default and its meaning, for all roles or for one."""
    shown: set[str] = set()
    for title in CLASSES if role is None else ("every role", role):
        rows = [row for row in variables(CLASSES[title]) if row.name not in shown]
        shown.update(row.name for row in rows)
        click.echo(click.style(f"\n{title}", bold=True))
        formatter = click.HelpFormatter(width=120)
        with formatter.indentation():
            formatter.write_dl([(row.name, f"{row.meaning} [{row.default}]".strip()) for row in rows], col_max=44)
        click.echo(formatter.getvalue().rstrip())


def variables(target: str) -> Iterator[Variable]:
    """The variables of one settings class, given as `module:Class`."""
    module, _, name = target.partition(":")
    kind: type[BaseSettings] = getattr(importlib.import_module(module), name)
    prefix = kind.model_config.get("env_prefix", "")
    for field, info in kind.model_fields.items():
        yield Variable(_name(prefix, field, info), _default(info), info.description or field.replace("_", " "))


def _name(prefix: str, field: str, info: FieldInfo) -> str:
    alias = info.validation_alias
    if isinstance(alias, AliasChoices):
        named = [choice for choice in alias.choices if isinstance(choice, str) and choice.isupper()]
        if named:
            return named[0]
    return f"{prefix}{field}".upper()


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "must be set"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "" or value == ():
        return "empty"
    return str(getattr(value, "value", value))
