"""The module of a document, written by datamodel-code-generator and completed with what it has no way to be told.

Those are defaults that JSON cannot write, and dicts whose keys are no text. The same document gives the same text.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from tenor.errors import MissingExtra, TenorError
from tenor.modelling.document import Document, Made, Symbol

PYDANTIC: Final = "pydantic"
DATACLASS: Final = "dataclass"
TYPEDDICT: Final = "typeddict"
MSGSPEC: Final = "msgspec"

KINDS: Final[Mapping[str, str]] = {
    PYDANTIC: "pydantic_v2.BaseModel",
    DATACLASS: "dataclasses.dataclass",
    TYPEDDICT: "typing.TypedDict",
    MSGSPEC: "msgspec.Struct",
}
"""What can be written, and the generator's name of it."""

_MAKERS: Final = {PYDANTIC: ("pydantic", "Field"), DATACLASS: ("dataclasses", "field"), MSGSPEC: ("msgspec", "field")}
"""Where the function comes from that gives a field a default."""


_PROTECTED: Final = ("model_dump", "model_validate")
"""How names begin that pydantic keeps for itself."""


class Unsuited(TenorError):
    """What was asked for cannot say what the schema says."""

    sentence = "{reason}: try another --kind than {kind}."
    kind = "UNSUITED"


def module(document: Document, kind: str, header: Iterable[str]) -> str:
    """The text of a module. `header` are the lines of the comment on top.

    Raises Unsuited, and MissingExtra where the generator is not installed.
    """
    fields = document.fields()
    text = _generated(document, kind, aliased=False)
    if kind == PYDANTIC and "alias=" in text:
        text = _generated(document, kind, aliased=True)
    _examine(text, kind, fields)
    names = {name for each in fields.values() for name in each}
    text = _tidied(_with_defaults(_with_keys(text, document), document, kind, names))
    comment = "".join(f"# {line}\n" if line else "#\n" for line in header)
    return f"{comment}\n{text.strip()}\n"


def _generated(document: Document, kind: str, *, aliased: bool) -> str:
    """What the generator writes, with marks in it. Raises Unsuited, MissingExtra."""
    try:
        import datamodel_code_generator as generator
    except ModuleNotFoundError as error:
        raise MissingExtra(purpose="generating models", package="datamodel-code-generator", extra="models") from error
    text = json.dumps(document.whole(zones=kind == PYDANTIC))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            made = generator.generate(text, **_options(document, kind), allow_population_by_field_name=aliased)
        except generator.Error as error:
            raise Unsuited(kind=kind, reason=" ".join(str(error).split())[:200]) from error
    for warning in said:
        if kind == MSGSPEC and (told := str(warning.message)).startswith("msgspec cannot decode"):
            raise Unsuited(kind=kind, reason=told.partition(", and only")[0])
    assert isinstance(made, str)
    return made.removeprefix("#\n")


def _options(document: Document, kind: str) -> dict[str, Any]:
    """How the generator is asked: whatever is not said here is as it is by itself, in every folder."""
    import datamodel_code_generator as generator
    from datamodel_code_generator.enums import DataModelType
    from datamodel_code_generator.format import DatetimeClassType, Formatter

    names = {name for fields in document.fields().values() for name in fields}
    protected = {name: f"field_{name}" for name in names if name.startswith(_PROTECTED)}
    enums = document.enums and kind != TYPEDDICT
    return {
        "input_filename": "schema.json",
        "input_file_type": generator.InputFileType.JsonSchema,
        "output_model_type": DataModelType(KINDS[kind]),
        "target_python_version": generator.PythonVersion.PY_311,
        "class_name": document.name,
        "custom_file_header": "#",
        "disable_timestamp": True,
        "formatters": [Formatter.BUILTIN],
        # Else it depends on the folder in which the command is typed: on the pyproject.toml there.
        "settings_path": Path(Path.cwd().anchor),
        "builtin_format_line_length": 88,
        "use_double_quotes": True,
        "allow_remote_refs": False,
        "strict_nullable": True,
        "keyword_only": True,
        "field_constraints": True,
        "use_annotated": True,
        "use_schema_description": True,
        "use_field_description": True,
        "use_specialized_enum": True,
        "use_standard_collections": True,
        "use_union_operator": True,
        "use_closed_typed_dict": False,
        "use_standard_primitive_types": True,
        "enum_field_as_literal": generator.LiteralType.One if enums else generator.LiteralType.All,
        "output_datetime_class": DatetimeClassType.Awaredatetime if kind == PYDANTIC else DatetimeClassType.Datetime,
        "aliases": protected if kind == PYDANTIC else None,
        "special_field_name_prefix": "field" if kind in (PYDANTIC, MSGSPEC) else "",
        "additional_imports": _imports(document, kind),
    }


def _imports(document: Document, kind: str) -> list[str] | None:
    """What defaults are made with."""
    if kind not in _MAKERS or all(isinstance(each, bytes) for each in document.defaults):
        return None
    made = any(map(_has_made, document.defaults))
    return [".".join(_MAKERS[kind]), *(["msgspec.convert"] if kind == MSGSPEC and made else [])]


def _has_made(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, Made) or any(map(_has_made, inner))


# --- what the generator was not told ---------------------------------------------------------------------------


def _with_keys(text: str, document: Document) -> str:
    """The text with the dicts whose keys are no text in the place of their names."""
    text = re.sub(r"^from tenor_keyed import (\([^)]*\)|.*)\n", "", text, flags=re.M)
    for number, keyed in enumerate(document.keyed):
        text = re.sub(rf"\bTenorKeyed{number}\b", f"dict[{keyed.key}, {keyed.value}]", text)
    text = re.sub(r"\n *arbitrary_types_allowed=True,", "", text)
    return re.sub(r"    model_config = ConfigDict\(\s*\)\n", "", text)


def _with_defaults(text: str, document: Document, kind: str, names: set[str]) -> str:
    """The text with the defaults in the place of their marks. Raises Unsuited."""
    if kind == TYPEDDICT:
        return text
    module, maker = _MAKERS[kind]
    own = maker if maker not in names else f"_{maker}"
    modules: set[str] = set()
    text = re.sub(r'= ?\(\s*("__TENOR_DEFAULT_\d+__")\s*\)', r"= \1", text)  # of a line that was too long
    for number, value in enumerate(document.defaults):
        mark = f'"__TENOR_DEFAULT_{number}__"'
        written = _Expression(kind, modules).of(value)
        # A field of that name stands in the way of the function; a lambda does not see the class.
        plain = written in ("list()", "dict()") and written[:-2] not in names
        factory = written[:-2] if plain else f"lambda: {written}"
        made = written if isinstance(value, bytes) else f"{own}(default_factory={factory})"
        for pattern, put in (
            (rf"lambda: convert\(\s*{mark},\s*type=[^)]*\)", factory),
            (rf"default={mark}", f"default_factory={factory}"),
            (rf"(?<= = ){mark}$", made),
        ):
            text = re.sub(pattern, put.replace("\\", r"\\"), text, flags=re.M)
        if mark in text:
            raise Unsuited(kind=kind, reason=f"there is no way to write the default {written}")
    imports = [f"import {each} as _{each}" for each in sorted(modules)]
    if own != maker and f"{own}(" in text:
        imports.append(f"from {module} import {maker} as {own}")
    first = "from __future__ import annotations\n"
    return text.lstrip().replace(first, "\n".join((first, *imports)), 1) if imports else text


def _tidied(text: str) -> str:
    """The text without what only made sense before: what has a default is never unset, and needs no validation."""
    text = re.sub(r"Annotated\[(.+), Field\(validate_default=True\)\](?= = )", r"\1", text)
    text = re.sub(r"^( +\w+: .+) \| UnsetType(?= = (?!.*UNSET|.*\($))", r"\1", text, flags=re.M)
    for name in ("UNSET", "UnsetType"):
        if len(re.findall(rf"\b{name}\b", text)) == 1:
            text = re.sub(rf"(?<=import )(.*)(\b{name}, |, {name}\b|\n +{name},)", r"\1", text)
    return text


class _Expression:
    """Writes values as Python does; `modules` collects what that needs."""

    def __init__(self, kind: str, modules: set[str]) -> None:
        self.kind = kind
        self.modules = modules

    def of(self, value: Any) -> str:
        """A value of the module's own types."""
        match value:
            case Made(name, fields) if self.kind == DATACLASS:
                return f"{name}({', '.join(f'{key}={self.of(item)}' for key, item in fields.items())})"
            case Made(name) if self.kind == PYDANTIC:
                return f"{name}.model_validate({self.plain(value)})"
            case Made(name):
                return f"convert({self.plain(value)}, type={name})"
            case Symbol(name, text):
                return f"{name}({json.dumps(text)})"
            case list():
                return f"[{', '.join(map(self.of, value))}]" if value else "list()"
            case dict():
                items = (f"{json.dumps(key)}: {self.of(item)}" for key, item in value.items())
                return f"{{{', '.join(items)}}}" if value else "dict()"
        return self.plain(value)

    def plain(self, value: Any) -> str:
        """A value as the codec has it."""
        match value:
            case Made(_, fields):
                return self.plain(dict(fields))
            case Symbol(_, text):
                return json.dumps(text)
            case list():
                return f"[{', '.join(map(self.plain, value))}]"
            case dict():
                return f"{{{', '.join(f'{json.dumps(key)}: {self.plain(item)}' for key, item in value.items())}}}"
            case str():
                return json.dumps(value)
            case datetime() | date() | time():
                self.modules.add("datetime")
                return repr(value).replace("datetime.", "_datetime.")
            case Decimal():
                self.modules.add("decimal")
                return f"_decimal.{value!r}"
            case UUID():
                self.modules.add("uuid")
                return f"_uuid.{value!r}"
            case bytes() if not {34, 39, 92} & set(value):
                return repr(value).replace("'", '"')
            case float() if value - value != 0:
                return f'float("{value}")'
        return repr(value)


def _examine(text: str, kind: str, fields: Mapping[str, list[str]]) -> None:
    """Every class is there under its name, and what cannot rename its fields has them under theirs. Raises Unsuited."""
    try:
        classes = dict(_classes(ast.parse(text)))
    except SyntaxError as error:
        raise Unsuited(kind=kind, reason=f"what would be written is no Python ({error.msg})") from error
    for name, wanted in fields.items():
        if (found := classes.get(name)) is None:
            raise Unsuited(kind=kind, reason=f"there can be no class {name}")
        missing = [each for each in wanted if each not in found]
        if missing and kind in (DATACLASS, TYPEDDICT):
            raise Unsuited(kind=kind, reason=f"there can be no field '{missing[0]}' in {name}")


def _classes(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """The classes of a module and the names of their fields."""
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            targets = (each.target for each in node.body if isinstance(each, ast.AnnAssign))
            yield node.name, {each.id for each in targets if isinstance(each, ast.Name)}
        elif (
            isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call)
        ):
            dicts = (each for each in node.value.args if isinstance(each, ast.Dict))
            keys = {key.value for each in dicts for key in each.keys if isinstance(key, ast.Constant)}
            yield node.targets[0].id, {str(key) for key in keys}
