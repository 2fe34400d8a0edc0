"""Objects and texts against the JSON Schemas in this folder; every error names the key."""

import functools
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from rescore.tables.errors import InputError, unknown
from rescore.tables.files import read_text

Place = str | Callable[[Sequence[str]], str]
"""Where an object is from: a text, or a function of the path of the key in question."""


def _is_number(_: object, value: object) -> bool:
    """Tell numbers from NaN, which is neither below a minimum nor above a maximum, and from true and false."""
    if isinstance(value, float):
        return not math.isnan(value)
    return isinstance(value, int) and not isinstance(value, bool)


_Validator = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("number", _is_number),
)


@functools.cache
def rules(name: str) -> dict[str, Any]:
    """Read a JSON Schema: "config", "ladder" or "suite"."""
    path = Path(__file__).with_name(f"{name}.schema.yaml")
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def validate(instance: object, schema: str | dict[str, Any], where: Place) -> None:
    """Check an object against a JSON Schema, or the one of that name.

    Raises InputError that names the place, the key, and what was expected; for an unknown key the one it resembles.
    """
    schema = rules(schema) if isinstance(schema, str) else schema
    error = jsonschema.exceptions.best_match(_Validator(schema).iter_errors(instance))
    if error is None:
        return
    path = [str(p) for p in error.absolute_path]
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        key = next(str(k) for k in error.instance if k not in known)  # YAML has keys that are no texts: 1, yes, a date
        raise InputError(f"{_key(where, [*path, key])}: {unknown(key, known)}")
    if error.validator == "required":
        key = next(k for k in error.validator_value if k not in error.instance)
        raise InputError(f"{_key(where, [*path, key])}: missing")
    if error.validator == "dependentRequired":
        key = next(
            k for k, needed in error.validator_value.items() if k in error.instance and needed[0] not in error.instance
        )
        needed = error.validator_value[key][0]
        raise InputError(f"{_key(where, [key])}: means nothing without '{needed}'; give that too, or leave it blank")
    held = repr(error.instance)
    held = {"None": "null", "True": "true", "False": "false"}.get(held, held)  # as YAML and tables write them
    held = held if len(held) < 200 else f"{held[:200]}..."
    hint = error.schema.get("description")
    expected = hint if error.validator == "pattern" and hint else _expected(error.validator, error.validator_value)
    told = f" ({hint})" if hint and hint != expected else ""
    raise InputError(f"{_key(where, path)}: {held}, expected {expected}{told}")


_TYPES = {
    "string": "text",
    "integer": "a whole number, such as 1200000",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list, such as [config/ladders/nano.tsv]",
    "object": "keys with values below it, such as {seed: 0}",
    "null": "null",
}
_LIMITS = {
    "minimum": "{} or more",
    "exclusiveMinimum": "more than {}",
    "maximum": "{} or less",
    "minItems": "{} or more entries",
    "minLength": "{} or more characters",
    "maxLength": "{} characters or fewer",
    "minProperties": "{} or more keys",
    "pattern": "what matches {}",
    "uniqueItems": "each entry once",
}


def _expected(rule: str, value: Any) -> str:
    """Say in words what a rule of a JSON Schema asks for."""
    if rule == "type":
        return " or ".join(_TYPES[kind] for kind in ([value] if isinstance(value, str) else value))
    if rule == "enum":
        return " or ".join(value)
    return _LIMITS[rule].format(value)


def _key(where: Place, path: Sequence[str]) -> str:
    place = where if isinstance(where, str) else where(path)
    return f"{place}: key '{'.'.join(path)}'" if path else place


def read_yaml(path: Path) -> Any:
    """Read a YAML file; InputError where it is none, or where a key stands twice, of which the last would hold."""
    text = read_text(path)
    try:
        _refuse_repeated(yaml.compose(text, Loader=yaml.SafeLoader), path)
        return yaml.safe_load(text)
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply, or an alias (*) stands inside its own anchor (&)") from error
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}:" if error.problem_mark else ""
        raise InputError(
            f"{path}:{line} not YAML ({error.problem}); indent with spaces, one key and its value per line"
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from error


def _refuse_repeated(node: Any, path: Path) -> None:
    if isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            _refuse_repeated(inner, path)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen and key.tag != "tag:yaml.org,2002:merge":
                raise InputError(f"{path}: line {key.start_mark.line + 1}: key '{name}': stands twice; take one out")
            seen.add(name)
            _refuse_repeated(value, path)


def json_object(text: str, where: str) -> dict[str, Any]:
    """Parse a JSON object given as an argument; raises InputError that begins with `where`."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object")
    return value


def home_expanded(path: str, where: str) -> Path:
    """Put a home folder for a leading `~`; raises InputError that begins with `where` if it is of no known user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise InputError(f"{where}: {path}: no user '{Path(path).parts[0][1:]}'; write the whole path") from error


def typed(text: str, kind: str | None) -> object:
    """Read a cell as the schema's type. Anything else stays text, for the schema to refuse."""
    if kind in ("integer", "number"):
        try:
            number = float(text)
        except ValueError:
            return text
        if not math.isfinite(number) or (kind == "integer" and abs(number) >= 2**63):
            return text
        return int(number) if kind == "integer" and number.is_integer() else number
    if kind == "boolean" and text.lower() in ("true", "false"):  # spreadsheets write TRUE
        return text.lower() == "true"
    return text


def typed_object(value: Any, schema: dict[str, Any]) -> Any:
    """Read the texts of an object as its schema's types, and 2.0 as 2 where it asks for an integer.

    Snakemake turns `--config "extract={batch_tokens: 100}"` into an object whose values are all texts. A text stays one
    if the schema asks for text, or if it cannot be read as another type: the schema then refuses it.
    """
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {key: typed_object(inner, known.get(key, {})) for key, inner in value.items()}
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, float) and "integer" in kinds and value.is_integer():
        return int(value)  # 2.0 is an integer to the schema, and none to the commands
    if not isinstance(value, str):
        return value
    if "null" in kinds and value in ("", "~", "null"):
        return None
    return value if "string" in kinds else typed(value, kinds[0])
