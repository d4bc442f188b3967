"""The kinds of difference between two JSON Schemas, and which of them a policy forgives.

131 kinds, named as the Confluent API names them: 65 that never hurt, 57 that always do, 9 that LENIENT forgives.
Source: the behaviour of Confluent Schema Registry; the sentences are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from registry.formats.base import Policy


class Weight(Enum):
    """Whether a kind makes two schemas incompatible."""

    FINE = "fine"
    STRICT_ONLY = "incompatible unless the policy is LENIENT"
    BREAKS = "incompatible"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of difference.

    `sentence` has the slots {path}, {new}, {old} (filled as `Finding.told` says) and {name}, the last step of the
    path; `explanation` is the same for a reader who sees it the first time.
    """

    name: str
    weight: Weight
    sentence: str
    explanation: str


_BOUNDS = {
    # prefix: (keyword, what it bounds, whether a greater value is stricter)
    "MAX_LENGTH": ("maxLength", "the longest text", False),
    "MIN_LENGTH": ("minLength", "the shortest text", True),
    "MAXIMUM": ("maximum", "the greatest number", False),
    "MINIMUM": ("minimum", "the smallest number", True),
    "EXCLUSIVE_MAXIMUM": ("exclusiveMaximum", "the number all values stay below", False),
    "EXCLUSIVE_MINIMUM": ("exclusiveMinimum", "the number all values stay above", True),
    "MAX_PROPERTIES": ("maxProperties", "the most members an object may have", False),
    "MIN_PROPERTIES": ("minProperties", "the fewest members an object may have", True),
    "MAX_ITEMS": ("maxItems", "the most items an array may have", False),
    "MIN_ITEMS": ("minItems", "the fewest items an array may have", True),
    "MAX_CONTAINS": ("maxContains", "how many items may match contains", False),
    "MIN_CONTAINS": ("minContains", "how many items must match contains", True),
}

_KINDS: dict[str, Kind] = {}


def _add(name: str, weight: Weight, sentence: str, explanation: str) -> None:
    _KINDS[name] = Kind(name, weight, sentence, explanation)


def _bounds() -> None:
    for prefix, (keyword, meaning, greater_is_stricter) in _BOUNDS.items():
        _add(
            f"{prefix}_ADDED",
            Weight.BREAKS,
            "At '{path}' the {new} schema sets " + keyword + " and the {old} schema does not",
            f"{keyword} ({meaning}) was added: values that had no such bound are refused now.",
        )
        _add(
            f"{prefix}_REMOVED",
            Weight.FINE,
            "At '{path}' the {old} schema sets " + keyword + " and the {new} schema does not",
            f"{keyword} ({meaning}) was removed: every value that was valid stays valid.",
        )
        for word, stricter in (("INCREASED", greater_is_stricter), ("DECREASED", not greater_is_stricter)):
            greater = "greater" if word == "INCREASED" else "smaller"
            _add(
                f"{prefix}_{word}",
                Weight.BREAKS if stricter else Weight.FINE,
                "At '{path}' the " + keyword + " of the {new} schema is " + greater + " than that of the {old} schema",
                f"{keyword} ({meaning}) became {greater}: "
                + ("values between the two bounds are refused now." if stricter else "it refuses fewer values."),
            )


def _extras() -> None:
    families = (
        ("ADDITIONAL_PROPERTIES", "properties that are not declared", Weight.STRICT_ONLY),
        ("UNEVALUATED_PROPERTIES", "properties that nothing declares", Weight.STRICT_ONLY),
        ("ADDITIONAL_ITEMS", "items behind the declared ones", Weight.BREAKS),
        ("UNEVALUATED_ITEMS", "items that nothing declares", Weight.BREAKS),
    )
    for prefix, what, weight in families:
        for word, weight_, tail, why in (
            ("ADDED", Weight.FINE, "allows " + what + ", the {old} schema does not", "are allowed now."),
            ("EXTENDED", Weight.FINE, "allows any " + what + ", the {old} schema only some", "may be anything now."),
            (
                "REMOVED",
                weight,
                "forbids " + what + ", the {old} schema does not",
                "are forbidden now: old data that holds some is refused.",
            ),
            (
                "NARROWED",
                weight,
                "restricts " + what + ", the {old} schema allows any",
                "must match a schema now: old data may hold others.",
            ),
        ):
            _add(f"{prefix}_{word}", weight_, "At '{path}' the {new} schema " + tail, f"{what.capitalize()} {why}")


def _content() -> None:
    tail = "_CONTENT_MODEL"
    for noun, what, lenient in (("PROPERTY", "property", Weight.STRICT_ONLY), ("ITEM", "item", Weight.BREAKS)):
        _add(
            f"{noun}_WITH_EMPTY_SCHEMA_ADDED_TO_OPEN{tail}",
            Weight.FINE,
            "The {new} schema declares the " + what + " '{path}' without saying anything about it",
            f"A {what} was declared with a schema that allows everything.",
        )
        _add(
            f"{noun}_REMOVED_FROM_OPEN{tail}",
            Weight.FINE,
            "The " + what + " '{path}' of the {old} schema is not declared in the {new} one, which is open",
            f"A {what} is no longer declared; the object or array is open, so it may still be there.",
        )
        _add(
            f"{noun}_WITH_FALSE_REMOVED_FROM_CLOSED{tail}",
            Weight.FINE,
            "The " + what + " '{path}', which the {old} schema forbids, is not declared in the {new} one",
            f"A {what} that could never be there is no longer declared.",
        )
        _add(
            f"{noun}_REMOVED_FROM_CLOSED{tail}",
            lenient,
            "The " + what + " '{path}' of the {old} schema is not declared in the {new} one, which allows no others",
            f"A {what} is no longer declared and undeclared ones are forbidden: old data that holds it is refused.",
        )
        _add(
            f"{noun}_REMOVED_IS_COVERED_BY_PARTIALLY_OPEN{tail}",
            Weight.FINE,
            "The " + what + " '{path}' of the {old} schema is covered by what the {new} one allows besides",
            f"A {what} is no longer declared, and the schema for undeclared ones accepts all it could hold.",
        )
        _add(
            f"{noun}_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN{tail}",
            lenient,
            "The " + what + " '{path}' of the {old} schema is not covered by what the {new} one allows besides",
            f"A {what} is no longer declared, and the schema for undeclared ones refuses some it could hold.",
        )
        _add(
            f"{noun}_ADDED_IS_COVERED_BY_PARTIALLY_OPEN{tail}",
            Weight.FINE,
            "The " + what + " '{path}' of the {new} schema accepts whatever the {old} one allowed there",
            f"A {what} was declared, and it accepts all that the old schema for undeclared ones accepted.",
        )
        _add(
            f"{noun}_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN{tail}",
            lenient,
            "The " + what + " '{path}' of the {new} schema refuses values that the {old} one allowed there",
            f"A {what} was declared, and it refuses some that the old schema for undeclared ones accepted.",
        )
    _add(
        f"ITEM_ADDED_TO_CLOSED{tail}",
        Weight.FINE,
        "The {new} schema declares the item '{path}', where the {old} one allowed none",
        "An item was declared where none could be: old arrays never hold it.",
    )
    _add(
        f"ITEM_ADDED_TO_OPEN{tail}",
        Weight.BREAKS,
        "The {new} schema declares the item '{path}', where the {old} one allowed anything",
        "An item was declared where old arrays may hold anything.",
    )
    _add(
        f"OPTIONAL_PROPERTY_ADDED_TO_OPEN{tail}",
        Weight.STRICT_ONLY,
        "The {new} schema declares the optional property '{path}', where the {old} one allowed anything",
        "An optional property was declared on an open object: old data may hold anything under that name. "
        "Close the object, or restrict undeclared properties, to add properties safely.",
    )
    _add(
        f"OPTIONAL_PROPERTY_ADDED_TO_UNOPEN{tail}",
        Weight.FINE,
        "The {new} schema declares the optional property '{path}'",
        "An optional property was declared on an object that is not open: old data does not need it.",
    )
    for model, weight, where in (
        ("OPEN", Weight.STRICT_ONLY, "which was open"),
        ("UNOPEN", Weight.FINE, "which was not open"),
    ):
        _add(
            f"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_{model}{tail}",
            weight,
            "The {new} schema requires the property '{path}', which has a default and which the {old} one lacks",
            f"A required property with a default was added to an object {where}. "
            "Validators do not fill in defaults: old data without it is refused.",
        )
        _add(
            f"REQUIRED_PROPERTY_ADDED_TO_{model}{tail}",
            Weight.BREAKS,
            "The {new} schema requires the property '{path}', which the {old} one lacks",
            f"A required property was added to an object {where}: old data does not hold it.",
        )


_SIMPLE = (
    ("ID_CHANGED", Weight.FINE, "the {new} and {old} schema have different ids", "The id names the schema only."),
    (
        "DESCRIPTION_CHANGED",
        Weight.FINE,
        "the {new} and {old} schema have different descriptions",
        "A description is documentation only.",
    ),
    (
        "TITLE_CHANGED",
        Weight.FINE,
        "the {new} and {old} schema have different titles",
        "A title is documentation only.",
    ),
    (
        "DEFAULT_CHANGED",
        Weight.FINE,
        "the {new} and {old} schema have different defaults",
        "A default annotates; it refuses nothing.",
    ),
    (
        "SCHEMA_REMOVED",
        Weight.FINE,
        "the {old} schema restricts values and the {new} one does not",
        "A subschema was removed: what it checked may be anything now.",
    ),
    (
        "SCHEMA_ADDED",
        Weight.BREAKS,
        "the {new} schema restricts values and the {old} one does not",
        "A subschema was added: what could be anything must match it now.",
    ),
    (
        "TYPE_EXTENDED",
        Weight.FINE,
        "the type of the {new} schema is wider than that of the {old} one",
        "The type became wider, as from integer to number.",
    ),
    (
        "TYPE_NARROWED",
        Weight.BREAKS,
        "the type of the {new} schema is narrower than that of the {old} one",
        "The type became narrower, as from number to integer.",
    ),
    (
        "TYPE_CHANGED",
        Weight.BREAKS,
        "the {new} and {old} schema are of different types",
        "The type, or the kind of schema (enum, const, combination …), is another one.",
    ),
    (
        "PATTERN_REMOVED",
        Weight.FINE,
        "the {old} schema has a pattern and the {new} one has none",
        "The pattern was removed: every text is fine now.",
    ),
    (
        "PATTERN_ADDED",
        Weight.BREAKS,
        "the {new} schema has a pattern and the {old} one has none",
        "A pattern was added: texts that do not match it are refused.",
    ),
    (
        "PATTERN_CHANGED",
        Weight.BREAKS,
        "the {new} and {old} schema have different patterns",
        "The pattern was changed. Whether it became wider is not looked into.",
    ),
    (
        "MULTIPLE_OF_REMOVED",
        Weight.FINE,
        "the {old} schema has a multipleOf and the {new} one has none",
        "multipleOf was removed: every number is fine now.",
    ),
    (
        "MULTIPLE_OF_REDUCED",
        Weight.FINE,
        "the multipleOf of the {old} schema is a multiple of that of the {new} one",
        "multipleOf now divides what it was: all old numbers stay valid.",
    ),
    (
        "MULTIPLE_OF_ADDED",
        Weight.BREAKS,
        "the {new} schema has a multipleOf and the {old} one has none",
        "multipleOf was added: other numbers are refused.",
    ),
    (
        "MULTIPLE_OF_EXPANDED",
        Weight.BREAKS,
        "the multipleOf of the {new} schema is a multiple of that of the {old} one",
        "multipleOf is now a multiple of what it was: some old numbers are refused.",
    ),
    (
        "MULTIPLE_OF_CHANGED",
        Weight.BREAKS,
        "neither multipleOf of the {new} and {old} schema is a multiple of the other",
        "multipleOf is another one: some old numbers are refused.",
    ),
    (
        "REQUIRED_ATTRIBUTE_REMOVED",
        Weight.FINE,
        "the {old} schema requires '{name}' and the {new} one does not",
        "A property is no longer required.",
    ),
    (
        "REQUIRED_ATTRIBUTE_WITH_DEFAULT_ADDED",
        Weight.FINE,
        "the {new} schema requires '{name}', which has a default, and the {old} one does not",
        "A property with a default is required now. Validators do not fill in defaults: old data may lack it.",
    ),
    (
        "REQUIRED_ATTRIBUTE_ADDED",
        Weight.BREAKS,
        "the {new} schema requires '{name}' and the {old} one does not",
        "A property is required now: old data may lack it.",
    ),
    (
        "DEPENDENCY_ARRAY_NARROWED",
        Weight.FINE,
        "fewer properties must accompany '{name}' in the {new} schema than in the {old} one",
        "A property asks for fewer others beside it.",
    ),
    (
        "DEPENDENCY_ARRAY_REMOVED",
        Weight.FINE,
        "the {new} schema does not ask for others beside '{name}' and the {old} one does",
        "A property asks for no others beside it any more.",
    ),
    (
        "DEPENDENCY_ARRAY_ADDED",
        Weight.BREAKS,
        "the {new} schema asks for others beside '{name}' and the {old} one does not",
        "A property asks for others beside it: old data may lack them.",
    ),
    (
        "DEPENDENCY_ARRAY_EXTENDED",
        Weight.BREAKS,
        "more properties must accompany '{name}' in the {new} schema than in the {old} one",
        "A property asks for more others beside it: old data may lack them.",
    ),
    (
        "DEPENDENCY_ARRAY_CHANGED",
        Weight.BREAKS,
        "other properties must accompany '{name}' in the {new} schema than in the {old} one",
        "A property asks for different others beside it: old data may lack them.",
    ),
    (
        "DEPENDENCY_SCHEMA_REMOVED",
        Weight.FINE,
        "the {old} schema checks objects with '{name}' and the {new} one does not",
        "Objects that hold a property need not match a schema any more.",
    ),
    (
        "DEPENDENCY_SCHEMA_ADDED",
        Weight.BREAKS,
        "the {new} schema checks objects with '{name}' and the {old} one does not",
        "Objects that hold a property must match a schema now.",
    ),
    (
        "RESERVED_PROPERTY_REMOVED",
        Weight.BREAKS,
        "the {old} schema reserves '{name}' and the {new} one does not",
        "A reserved property name was given up: it may come back with another meaning.",
    ),
    (
        "RESERVED_PROPERTY_CONFLICTS_WITH_PROPERTY",
        Weight.BREAKS,
        "the {new} schema declares '{name}', which is reserved",
        "A property uses a reserved name.",
    ),
    (
        "UNIQUE_ITEMS_REMOVED",
        Weight.FINE,
        "the {old} schema wants different items and the {new} one does not",
        "Items may repeat now.",
    ),
    (
        "UNIQUE_ITEMS_ADDED",
        Weight.BREAKS,
        "the {new} schema wants different items and the {old} one does not",
        "Items may not repeat any more: old arrays with equal items are refused.",
    ),
    (
        "ENUM_ARRAY_EXTENDED",
        Weight.FINE,
        "the {new} schema lists more values than the {old} one",
        "Values were added to the list.",
    ),
    (
        "ENUM_ARRAY_NARROWED",
        Weight.BREAKS,
        "the {new} schema lists fewer values than the {old} one",
        "Values were removed from the list: old data may hold them.",
    ),
    (
        "ENUM_ARRAY_CHANGED",
        Weight.BREAKS,
        "the {new} and {old} schema list different values",
        "Values were removed from the list and others added: old data may hold the removed ones.",
    ),
    (
        "COMBINED_TYPE_EXTENDED",
        Weight.FINE,
        "the combination of the {new} schema is looser than that of the {old} one",
        "A looser combination took the place of a stricter one, as anyOf that of oneOf.",
    ),
    (
        "COMBINED_TYPE_CHANGED",
        Weight.BREAKS,
        "the {new} and {old} schema combine their branches differently",
        "A stricter combination took the place of another, as allOf that of anyOf.",
    ),
    (
        "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
        Weight.BREAKS,
        "not every branch of the {old} schema has a branch of the {new} one that accepts it",
        "The branches of a combination cannot be paired so that each new one accepts its old one.",
    ),
    (
        "PRODUCT_TYPE_NARROWED",
        Weight.FINE,
        "the allOf of the {new} schema has fewer branches than that of the {old} one",
        "allOf lost branches: it refuses less.",
    ),
    (
        "PRODUCT_TYPE_EXTENDED",
        Weight.BREAKS,
        "the allOf of the {new} schema has more branches than that of the {old} one",
        "allOf gained branches: it refuses more.",
    ),
    (
        "SUM_TYPE_EXTENDED",
        Weight.FINE,
        "the {new} schema offers more alternatives than the {old} one",
        "anyOf, oneOf or a list of types gained alternatives.",
    ),
    (
        "SUM_TYPE_NARROWED",
        Weight.BREAKS,
        "the {new} schema offers fewer alternatives than the {old} one",
        "anyOf, oneOf or a list of types lost alternatives: old data may have used them.",
    ),
    (
        "NOT_TYPE_NARROWED",
        Weight.FINE,
        "what the {new} schema excludes was excluded by the {old} one",
        "not excludes no more than before.",
    ),
    (
        "NOT_TYPE_EXTENDED",
        Weight.BREAKS,
        "the {new} schema excludes values that the {old} one does not",
        "not excludes more than before, as far as the two negated schemas can be compared.",
    ),
)


def _simple() -> None:
    for name, weight, sentence, explanation in _SIMPLE:
        _add(name, weight, "At '{path}' " + sentence, explanation)


_bounds()
_extras()
_content()
_simple()

KINDS: Mapping[str, Kind] = dict(sorted(_KINDS.items()))
"""Every kind by its name."""


def breaks(kind: str, policy: Policy) -> bool:
    """Whether a difference of this kind makes the schemas incompatible; kinds of warnings never do.

    LOGICAL looks at JSON Schema as STRICT does.
    """
    if kind not in KINDS:
        return False
    weight = KINDS[kind].weight
    return weight is Weight.BREAKS or (weight is Weight.STRICT_ONLY and policy is not Policy.LENIENT)
