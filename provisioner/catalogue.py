"""What environments can be made of: providers and templates, read from the Ansible folder each time.

A provider is a folder `providers/<name>/` with provider.yml, create.yml, destroy.yml and list.yml, a
template a file `environments/<name>.yml`. One that is broken is shown as such and disturbs no other.

Values are checked here and nowhere else: what passes goes to Ansible as data, never as text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from provisioner.errors import CatalogueError, invalid

NAME = re.compile(r"[a-z][a-z0-9-]{0,11}")
NAME_RULE = "a letter, then up to 11 more of a-z, 0-9 and -"
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
VARIABLE_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_STRING = 500
JINJA = ("{{", "{%", "{#")
PLAYBOOKS = ("create.yml", "destroy.yml", "list.yml")

Value = int | str


@dataclass(frozen=True)
class Variable:
    """One thing that whoever creates an environment may choose."""

    name: str
    type: str
    description: str = ""
    default: Value | None = None
    pattern: str | None = None
    min: int | None = None
    max: int | None = None
    choices: tuple[str, ...] = ()

    @property
    def help(self) -> str:
        """What is allowed, in words."""
        if self.type == "choice":
            return "One of " + ", ".join(self.choices) + "."
        if self.type == "integer":
            if self.min is not None and self.max is not None:
                return f"A whole number from {self.min} to {self.max}."
            if self.min is not None:
                return f"A whole number, at least {self.min}."
            if self.max is not None:
                return f"A whole number, at most {self.max}."
            return "A whole number."
        return f"Must match {self.pattern}" if self.pattern else ""

    def check(self, given: object) -> Value:
        """The value to use; raises ValueError with a sentence for whoever entered it."""
        if self.type == "integer":
            return self._integer(given)
        if not isinstance(given, str):
            raise ValueError(f"{self.name}: expected text, found {_named(given)}.")
        if self.type == "choice":
            if given not in self.choices:
                raise ValueError(f"{self.name}: {_short(given)} is not {_either(self.choices)}.")
            return given
        return self._string(given)

    def _integer(self, given: object) -> int:
        if isinstance(given, str) and re.fullmatch(r"-?[0-9]{1,18}", given.strip()):
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int):
            raise ValueError(f"{self.name}: {_short(given)} is not a whole number.")
        if (self.min is not None and given < self.min) or (
            self.max is not None and given > self.max
        ):
            raise ValueError(f"{self.name}: {given} is out of bounds. {self.help}")
        return given

    def _string(self, given: str) -> str:
        if len(given) > LONGEST_STRING:
            raise ValueError(f"{self.name}: longer than {LONGEST_STRING} characters.")
        if any(ord(c) < 32 or ord(c) == 127 for c in given):
            raise ValueError(f"{self.name}: line breaks and control characters are not allowed.")
        if any(opening in given for opening in JINJA):
            raise ValueError(f"{self.name}: {{{{, {{% and {{# are not allowed.")
        if self.pattern and not re.fullmatch(self.pattern, given):
            raise ValueError(f"{self.name}: {_short(given)} does not match {self.pattern}")
        return given


@dataclass(frozen=True)
class Provider:
    name: str
    folder: Path
    description: str
    variables: Mapping[str, Variable]

    def playbook(self, kind: str) -> Path:
        return self.folder / f"{kind}.yml"


@dataclass(frozen=True)
class Template:
    name: str
    description: str
    provider: str
    ttl: timedelta
    variables: Mapping[str, Variable] = field(default_factory=dict)
    """As the provider declares them, with the template's values as defaults."""
    problem: str | None = None
    """Why it can't be used, for people; everything else may be empty then."""

    def check(self, given: Mapping[str, object]) -> dict[str, Value]:
        """All values, defaults filled in; raises Refusal naming each entry that is wrong."""
        wrong = {
            f"variables.{_plain(name)}": f"{self.name} has no variable {_short(name)}: it has "
            + (", ".join(self.variables) or "none") + "."
            for name in given if name not in self.variables
        }  # fmt: skip
        values: dict[str, Value] = {}
        for name, variable in self.variables.items():
            value = given.get(name, variable.default)
            try:
                if value is None:
                    raise ValueError(f"{name}: a value is needed. {variable.help}".strip())
                values[name] = variable.check(value)
            except ValueError as error:
                wrong[f"variables.{name}"] = str(error)
        if wrong:
            raise invalid(wrong)
        return values


class Catalogue:
    def __init__(self, ansible: Path, default_ttl: timedelta) -> None:
        self._ansible = ansible
        self._default_ttl = default_ttl

    def provider_names(self) -> list[str]:
        folder = self._ansible / "providers"
        found = [p.name for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []
        return sorted(name for name in found if FILE_NAME.fullmatch(name))

    def provider(self, name: str) -> Provider:
        """Raises CatalogueError when there is none of that name, or it is broken."""
        if not FILE_NAME.fullmatch(name):
            raise CatalogueError(f"{_short(name)} is no name of a provider.")
        folder = self._ansible / "providers" / name
        if not folder.is_dir():
            known = ", ".join(self.provider_names()) or "none"
            raise CatalogueError(f"There is no provider {name}. Known: {known}.")
        for playbook in PLAYBOOKS:
            if not (folder / playbook).is_file():
                raise CatalogueError(f"Provider {name} has no {playbook}.")
        where = f"providers/{name}/provider.yml"
        content = _read(folder / "provider.yml", where, {"description", "variables"})
        declared = _mapping(content.get("variables"), where, "variables")
        variables = {key: _variable(key, spec, where) for key, spec in declared.items()}
        return Provider(name, folder, _text(content, "description", where), variables)

    def template_names(self) -> list[str]:
        folder = self._ansible / "environments"
        names = [p.stem for p in folder.glob("*.yml")] if folder.is_dir() else []
        return sorted(name for name in names if FILE_NAME.fullmatch(name))

    def templates(self) -> list[Template]:
        """All of them; those that can't be used say why."""
        found = []
        for name in self.template_names():
            try:
                found.append(self.template(name))
            except CatalogueError as error:
                found.append(Template(name, "", "", self._default_ttl, problem=str(error)))
        return found

    def template(self, name: str) -> Template:
        """Raises CatalogueError when there is none of that name, or it can't be used."""
        path = self._ansible / "environments" / f"{name}.yml"
        if not FILE_NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(self.template_names()) or "none"
            raise CatalogueError(f"There is no template {_short(name)}. Known: {known}.")
        where = f"environments/{name}.yml"
        content = _read(path, where, {"description", "provider", "ttl_hours", "variables"})
        provider = self.provider(_text(content, "provider", where))
        variables = dict(provider.variables)
        for key, value in _mapping(content.get("variables"), where, "variables").items():
            if key not in variables:
                raise CatalogueError(f"{where}: provider {provider.name} has no variable {key!r}.")
            try:
                default = variables[key].check(value)
            except ValueError as error:
                raise CatalogueError(f"{where}: {error}") from error
            variables[key] = _with_default(variables[key], default)
        return Template(
            name,
            _text(content, "description", where),
            provider.name,
            self._ttl(content, where),
            variables,
        )

    def _ttl(self, content: Mapping[str, Any], where: str) -> timedelta:
        hours = content.get("ttl_hours")
        if hours is None:
            return self._default_ttl
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= 8760:
            raise CatalogueError(f"{where}: ttl_hours is {hours!r}, expected a number of hours.")
        return timedelta(hours=hours)


def check_name(name: str) -> str:
    """An environment's name; raises Refusal. Names become interface names, folders and DNS labels."""
    if not NAME.fullmatch(name) or name.endswith("-"):
        raise invalid({"name": f"name: {_short(name)} can't be a name. Expected {NAME_RULE}."})
    return name


# ---- reading


def _read(path: Path, where: str, known: set[str]) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CatalogueError(f"{where} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{where} is not UTF-8 text.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or "it can't be parsed"
        raise CatalogueError(f"{where} is not valid YAML{line}: {problem}.") from error
    content = _mapping(content, where, "the file")
    if unknown := set(content) - known:
        raise CatalogueError(
            f"{where}: unknown entry {min(map(str, unknown))!r}. Known: {', '.join(sorted(known))}."
        )
    return content


def _mapping(value: object, where: str, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise CatalogueError(f"{where}: {what} must be a mapping of names to values.")
    return value


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise CatalogueError(f"{where}: {key} is missing, or is no text.")
    return " ".join(value.split())


def _variable(name: str, spec: object, where: str) -> Variable:
    if not VARIABLE_NAME.fullmatch(name):
        raise CatalogueError(f"{where}: {name!r} is no name of a variable (a-z, 0-9 and _).")
    content = _mapping(spec, where, name)
    allowed = {
        "integer": {"min", "max"},
        "string": {"pattern"},
        "choice": {"choices"},
    }
    kind = content.get("type")
    if kind not in allowed:
        raise CatalogueError(f"{where}: {name}: type is {kind!r}, expected {_either(allowed)}.")
    if unknown := set(content) - {"type", "description", "default"} - allowed[kind]:
        raise CatalogueError(f"{where}: {name}: a {kind} has no {min(unknown)!r}.")
    variable = Variable(
        name,
        kind,
        str(content.get("description", "")),
        pattern=_pattern(name, content.get("pattern"), where),
        min=_bound(name, content.get("min"), where),
        max=_bound(name, content.get("max"), where),
        choices=_choices(name, content.get("choices"), where) if kind == "choice" else (),
    )
    if content.get("default") is None:
        return variable
    try:
        return _with_default(variable, variable.check(content["default"]))
    except ValueError as error:
        raise CatalogueError(f"{where}: the default of {error}") from error


def _with_default(variable: Variable, default: Value) -> Variable:
    return Variable(**{**variable.__dict__, "default": default})


def _pattern(name: str, value: object, where: str) -> str | None:
    if value is None:
        return None
    try:
        re.compile(value if isinstance(value, str) else "(")
    except re.error as error:
        raise CatalogueError(f"{where}: {name}: pattern {value!r} is no pattern.") from error
    return str(value)


def _bound(name: str, value: object, where: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise CatalogueError(f"{where}: {name}: min and max must be whole numbers.")
    return value


def _choices(name: str, value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(c, str) for c in value):
        raise CatalogueError(f"{where}: {name}: choices must be a list of texts (quote numbers).")
    return tuple(value)


# ---- words


def _either(options: Any) -> str:
    *most, last = options
    return f"{', '.join(most)} or {last}" if most else str(last)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]


def _plain(name: str) -> str:
    return name if VARIABLE_NAME.fullmatch(name) else _short(name)


def _named(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return names.get(type(value), "something else")
