"""A parsed Protobuf schema: what the registry stores, serves, compares and shows of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import Message

from registry.formats.base import Field, Finding, Policy, Schema, Source, Tagging
from registry.formats.protobuf import fields, model, tags
from registry.formats.protobuf.builtin import is_builtin
from registry.formats.protobuf.compatibility import findings
from registry.formats.protobuf.language import syntax_of
from registry.formats.protobuf.pool import Pool
from registry.formats.protobuf.printer import Printer
from registry.formats.protobuf.source import NAME
from registry.formats.protobuf.spans import Spans


class ProtobufSchema(Schema):
    """`files`: descriptors of the schema (last, with source info) and its imports. `text`: what was compiled.

    `again`: parses another source with the same compiler.
    """

    format = NAME

    def __init__(
        self,
        source: Source,
        files: Sequence[FileDescriptorProto],
        text: str,
        again: Callable[[Source], ProtobufSchema],
    ) -> None:
        self.source, self.files, self.text, self.again = source, files, text, again
        self.canonical = self.printer().text()

    @property
    def file(self) -> FileDescriptorProto:
        """The descriptor of the schema itself."""
        return self.files[-1]

    def unsealable(self) -> Iterable[tuple[str, frozenset[str], str]]:
        return tags.unsealable(self)

    @property
    def has_text(self) -> bool:
        """Whether the source is .proto text (not a base64 descriptor), so that places in it can be named."""
        return self.text == self.source.text

    @property
    def spans(self) -> Spans:
        """The places of the compiled text; made anew each time, for it is large."""
        return Spans(self.text, self.file)

    @cached_property
    def pool(self) -> Pool:
        """The real decoder."""
        return Pool(self.files)

    @cached_property
    def model(self) -> model.Model:
        """The schema as plain objects."""
        return model.build(self.files)

    @cached_property
    def _taken(self) -> frozenset[str]:
        """Names that an inner scope could find before a package of that name."""
        scopes = (f"{file.package}.{message.name}" for file in self.files for message in file.message_type)
        inner = {part for scope in scopes for part in scope.split(".")[1:]}
        return frozenset(inner.union(*(file.package.split(".")[1:] for file in self.files)))

    def option_name(self, full_name: str) -> str:
        """The name of an extension as it can be written anywhere in this file."""
        return f".{full_name}" if full_name.partition(".")[0] in self._taken else full_name

    def decode(self, options: Message) -> Message:
        """Options with the extensions that the imports define (the pool is only made when this is called)."""
        return self.pool.decode(options)

    def printer(self, *, normal: bool = False, extensions: bool = True) -> Printer:
        """A printer of this file."""
        return Printer(
            self.file,
            spans=None if normal else self.spans,
            decode=self.decode,
            option_name=self.option_name,
            normal=normal,
            extensions=extensions,
        )

    def normalized(self) -> str:
        return self.printer(normal=True).text()

    def inlined(self) -> str:
        """One file has one package, so references are written out only where all share package, syntax and features."""
        imported = [each for each in self.files[:-1] if not is_builtin(each.name)]
        alike = all(
            (each.package, syntax_of(each), each.edition, each.options.features)
            == (self.file.package, syntax_of(self.file), self.file.edition, self.file.options.features)
            for each in imported
        )
        if not imported or not alike:
            return self.canonical
        whole = FileDescriptorProto()
        whole.CopyFrom(self.file)
        for repeated in ("dependency", "public_dependency", "weak_dependency", "option_dependency", "source_code_info"):
            whole.ClearField(repeated)
        for each in imported:
            whole.message_type.extend(each.message_type)
            whole.enum_type.extend(each.enum_type)
            whole.service.extend(each.service)
            whole.extension.extend(each.extension)
        paths = {path for each in [self.file, *imported] for path in each.dependency if is_builtin(path)}
        whole.dependency.extend(sorted(paths))
        return Printer(whole, decode=self.pool.decode, option_name=self.option_name).text()

    def render(self, rendering: str) -> str:
        if rendering == "serialized":
            bare = FileDescriptorProto()
            bare.CopyFrom(self.file)
            bare.ClearField("source_code_info")
            return base64.b64encode(bare.SerializeToString()).decode()
        if rendering == "ignore_extensions":
            return self.printer(extensions=False).text()
        return self.canonical

    def fields(self) -> Sequence[Field]:
        return fields.fields(self.model, self.spans, tags.of_fields(self))

    def tags(self) -> Sequence[Tagging]:
        return tags.tags(self)

    def retagged(self, add: Iterable[Tagging], remove: Iterable[Tagging]) -> str:
        return tags.retagged(self, add, remove)

    def findings(self, writer: Schema, policy: Policy = Policy.STRICT) -> Sequence[Finding]:
        assert isinstance(writer, ProtobufSchema)
        return findings(self.model, writer.model)
