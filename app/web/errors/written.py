"""The faults of a request by the names that its caller wrote, wherever they were found.

Litestar names the parameter of the handler, a use case the field of its command; the caller wrote a query parameter by
its alias or a field of the wire struct (`WIRE_NAMES`, see `faults`).
"""

import re
from collections.abc import Mapping

from litestar.exceptions import ValidationException
from litestar.params import ParameterKwarg

from app.shared.errors.common import FieldErrors

FORM = "form"
MISSING = re.compile(r"^Object missing required field `([^`]+)`")
UNKNOWN = re.compile(r"^Object contains unknown field `([^`]+)`")
NO_PARAMETER = re.compile(r"^Missing required \w+ parameter '([^']+)'")
WORDS = (
    (re.compile(r"^Expected `(?:int|float)`.*"), "must be a number"),
    (re.compile(r"^Expected `bool`.*"), "must be yes or no"),
    (re.compile(r"^Expected `str`.*"), "must be one text"),
    (re.compile(r"^Invalid UUID.*"), "must be a whole id"),
    (re.compile(r"^Invalid enum value.*"), "must be one of the list"),
)


def fields_of(error: ValidationException) -> FieldErrors:
    """What Litestar found, by the path of each; never by the name of a handler's own parameter for the body."""
    fields: FieldErrors = {}
    for item in error.extra if isinstance(error.extra, list) else []:
        if isinstance(item, dict):
            path, text = _fault(str(item.get("key", FORM)), str(item.get("message", "is not valid")))
            fields.setdefault(path, text)
    absent = NO_PARAMETER.match(error.detail)
    if absent is not None:
        fields.setdefault(absent[1], "is required")
    return fields or {FORM: "could not be read"}


def _fault(key: str, message: str) -> tuple[str, str]:
    path = "" if key == "data" else key.removeprefix("data.")
    for pattern, text in ((MISSING, "is required"), (UNKNOWN, "is unknown here")):
        found = pattern.match(message)
        if found is not None:
            return f"{path}.{found[1]}" if path else found[1], text
    for pattern, text in WORDS:
        message = pattern.sub(text, message)
    return path or FORM, message[:200]


def wire_names(handler: object) -> Mapping[str, str]:
    """What the caller of a route calls the parameters and the command's fields that are called otherwise inside."""
    signature = getattr(handler, "parsed_fn_signature", None)
    if signature is None:
        return {}
    names: dict[str, str] = {}
    for name, field in signature.parameters.items():
        definition = field.kwarg_definition
        if isinstance(definition, ParameterKwarg) and definition.name:
            names[name] = definition.name
        if name == "data":
            names |= getattr(field.annotation, "WIRE_NAMES", {})
    return names
