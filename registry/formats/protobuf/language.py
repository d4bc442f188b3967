"""What the .proto language says by itself: the words for types and labels, and names that are not written out."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

SCALARS = {
    FieldDescriptorProto.TYPE_DOUBLE: "double",
    FieldDescriptorProto.TYPE_FLOAT: "float",
    FieldDescriptorProto.TYPE_INT64: "int64",
    FieldDescriptorProto.TYPE_UINT64: "uint64",
    FieldDescriptorProto.TYPE_INT32: "int32",
    FieldDescriptorProto.TYPE_FIXED64: "fixed64",
    FieldDescriptorProto.TYPE_FIXED32: "fixed32",
    FieldDescriptorProto.TYPE_BOOL: "bool",
    FieldDescriptorProto.TYPE_STRING: "string",
    FieldDescriptorProto.TYPE_BYTES: "bytes",
    FieldDescriptorProto.TYPE_UINT32: "uint32",
    FieldDescriptorProto.TYPE_SFIXED32: "sfixed32",
    FieldDescriptorProto.TYPE_SFIXED64: "sfixed64",
    FieldDescriptorProto.TYPE_SINT32: "sint32",
    FieldDescriptorProto.TYPE_SINT64: "sint64",
}
LABELS = {
    FieldDescriptorProto.LABEL_OPTIONAL: "optional",
    FieldDescriptorProto.LABEL_REQUIRED: "required",
    FieldDescriptorProto.LABEL_REPEATED: "repeated",
}


def label_of(each: FieldDescriptorProto, syntax: str) -> str:
    """The label as a text writes it, or nothing where it writes none."""
    if each.HasField("oneof_index") and not each.proto3_optional:
        return ""
    if syntax == "proto2":
        return LABELS[each.label]
    if each.proto3_optional:
        return "optional"
    return "repeated" if each.label == FieldDescriptorProto.LABEL_REPEATED else ""


def json_name_of(name: str) -> str:
    """The JSON name a field has when none is given: `unit_price` → `unitPrice`."""
    letters, upper = [], False
    for letter in name:
        if letter == "_":
            upper = True
        else:
            letters.append(letter.upper() if upper and "a" <= letter <= "z" else letter)
            upper = False
    return "".join(letters)


def syntax_of(file: FileDescriptorProto) -> str:
    """`proto2`, `proto3` or `editions`."""
    return file.syntax or "proto2"
