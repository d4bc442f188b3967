"""What makes two schemas the same."""

from dataclasses import replace

import pytest

from registry.content import Content, same
from registry.formats.base import Reference
from registry.rules import VERSION_PROPERTY, Metadata, Rule, RuleSet

PLAIN = Content("AVRO", '"string"')
VERSIONED = replace(PLAIN, metadata=Metadata(properties={VERSION_PROPERTY: "3"}))
OWNED = replace(PLAIN, metadata=Metadata(properties={"owner": "a"}))


def test_the_guid_is_the_md5_of_the_parts_in_the_reference_s_order() -> None:
    import hashlib
    import uuid

    content = Content(
        "AVRO",
        "{}",
        (Reference("n", "s", 7),),
        Metadata({"p": ("z", "a")}, {"k": "v"}, frozenset({"k"})),
        RuleSet(
            domain=(Rule("r", "CEL", "WRITE", params={"x": "y"}, tags=("b", "a"), expr="e", disabled=True),),
            enable_at="ALL",
        ),
    )
    expected = b"{}ns\x00\x00\x00\x07\x01pazkvk\x01rTRANSFORMWRITECELabxye\x01ALL"
    assert content.guid == str(uuid.UUID(bytes=hashlib.md5(expected, usedforsecurity=False).digest()))
    assert PLAIN.guid == str(uuid.UUID(bytes=hashlib.md5(b'"string"', usedforsecurity=False).digest()))


def test_the_order_of_tags_and_keys_does_not_matter_but_every_member_does() -> None:
    one = replace(PLAIN, metadata=Metadata({"a": ("x", "y")}, {"p": "1", "q": "2"}))
    other = replace(PLAIN, metadata=Metadata({"a": ("y", "x")}, {"q": "2", "p": "1"}))
    assert one.fingerprint == other.fingerprint
    assert one.guid == other.guid
    distinct = [
        PLAIN,
        one,
        replace(PLAIN, format="JSON"),
        replace(PLAIN, metadata=Metadata()),
        replace(PLAIN, rule_set=RuleSet()),
        replace(PLAIN, references=(Reference("a", "b", 1),)),
        replace(PLAIN, metadata=Metadata({"a": ("b",)})),
        replace(PLAIN, metadata=Metadata({"a": (), "b": ()})),
    ]
    assert len({content.fingerprint for content in distinct}) == len(distinct)


@pytest.mark.parametrize(
    ("request_", "stored", "version", "is_same"),
    [
        (PLAIN, PLAIN, 1, True),
        (PLAIN, OWNED, 1, False),
        (PLAIN, VERSIONED, 3, True),  # the stored property is ignored; no metadata counts as empty
        (VERSIONED, PLAIN, 3, True),  # the number must be the stored version's
        (VERSIONED, PLAIN, 2, False),
        (VERSIONED, VERSIONED, 9, True),
        (OWNED, replace(OWNED, metadata=Metadata(properties={"owner": "a", VERSION_PROPERTY: "1"})), 1, True),
        (replace(PLAIN, text="other"), PLAIN, 1, False),
    ],
)
def test_sameness_leaves_the_version_property_aside(
    request_: Content, stored: Content, version: int, is_same: bool
) -> None:
    assert same(request_, stored, version) is is_same
