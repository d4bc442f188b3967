"""JSON Schema, drafts 4, 6, 7, 2019-09 and 2020-12.

    text → resources, dialects          what is written, where it lies, what `$ref` means       (schema.py ties it up)
    model → pairs → compare             the reference's structural diff: findings under a policy
    plain → facets, building, sampling  any draft in one form, and valid events out of it
    negation, semantics                 the meaning: proofs of inclusion, events that break a reader
    locations, fixing, changes, linting, rules          places, fixes, the diff in words, remarks, explanations
    insight                             what the last two rows answer, as `registry.formats.insight` asks for it

Nothing is fetched, no number is a float, no pattern runs in Python's engine. Only what judges events or meaning
imports jsonschema-rs, and only when asked.
"""

from registry.formats.json_schema.schema import FORMAT, JsonSchema

__all__ = ["FORMAT", "JsonSchema"]
