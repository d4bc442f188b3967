"""The format as a plug-in: sources in, schemas out, with the compiler it is given."""

from __future__ import annotations

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from registry.errors import InvalidSchema, TimedOut
from registry.formats.base import Source
from registry.formats.protobuf import source as sources
from registry.formats.protobuf.compiler import Compile, Problem, compile_files
from registry.formats.protobuf.options import NotReadable
from registry.formats.protobuf.pool import Pool
from registry.formats.protobuf.printer import NotPrintable, Printer
from registry.formats.protobuf.schema import ProtobufSchema
from registry.formats.protobuf.source import NAME
from registry.formats.protobuf.spans import Spans

_TOLD = 5


class Protobuf:
    """The Protobuf format, with the compiler it is given."""

    name = NAME

    def __init__(self, compile: Compile) -> None:
        self._compile = compile

    def parse(self, source: Source, *, strict: bool = True) -> ProtobufSchema:
        """Compile a schema with its references. protoc knows no leniency, so `strict` changes nothing.

        Raises InvalidSchema, with the line and column of the first problem in the text.
        """
        printed: dict[bytes, str] = {}

        def text_of(below: Source) -> str:
            """The text of a reference that is a descriptor; each is printed once, however often it is referred to."""
            if below.digest not in printed:
                files = sources.texts(below, text_of)
                printed[below.digest] = self._printed(sources.descriptor(below.text), files, sources.main_path(files))
            return printed[below.digest]

        files = sources.texts(source, text_of)
        main = sources.main_path(files)
        text = source.text
        if sources.is_descriptor(text):
            text = self._printed(sources.descriptor(text), files, main)
        compiled = self._compiled({**files, main: text}, main, has_text=text == source.text)
        try:
            return ProtobufSchema(source, compiled, text, self.parse)
        except NotPrintable as error:
            raise InvalidSchema(NAME, str(error)) from None

    def _printed(self, file: FileDescriptorProto, files: dict[str, str], main: str) -> str:
        """The text of a descriptor. Its imports are compiled first: they define the custom options it may use."""
        paths = [
            path for path in (*file.dependency, *file.option_dependency) if path != "google/protobuf/descriptor.proto"
        ]
        quoted = "".join(f'import "{path}";\n' for path in dict.fromkeys(paths) if '"' not in path and "\\" not in path)
        imports = self._compiled(
            {**files, main: f'syntax = "proto3";\nimport "google/protobuf/descriptor.proto";\n{quoted}'},
            main,
            has_text=False,
        )[:-1]
        own = FileDescriptorProto()
        own.CopyFrom(file)
        own.name = main
        own.ClearField("source_code_info")
        try:
            pool = Pool([*imports, own])
            return Printer(own, decode=pool.decode, option_name=lambda name: f".{name}").text()
        except (NotPrintable, NotReadable, TypeError, KeyError, IndexError) as error:
            raise InvalidSchema(NAME, f"the FileDescriptorProto is not valid: {error}") from None

    def _compiled(self, files: dict[str, str], main: str, *, has_text: bool) -> list[FileDescriptorProto]:
        sources.count(list(files.values()))
        try:
            answer = self._compile(files, main)
        except TimedOut as error:
            raise InvalidSchema(NAME, f"protoc gave up on it: {error}") from None
        if isinstance(answer, list):
            raise _refused(answer, files[main], main, has_text=has_text)
        found = list(FileDescriptorSet.FromString(answer).file)
        for each in found[:-1]:
            each.ClearField("source_code_info")
        return found


def _refused(problems: list[Problem], text: str, main: str, *, has_text: bool) -> InvalidSchema:
    told, first = [], None
    spans = Spans(text, FileDescriptorProto())
    for sentence, file, line, column in problems:
        where = "" if file == main else f"{file}: "
        if file == main and line and has_text:
            at = spans.position(spans.offset(line - 1, column - 1))
            first = first or at
            where = f"line {at[0]}, column {at[1]}: "
        elif line and file != main:
            where = f"{file}, line {line}: "
        told.append(where + sentence)
    line_column = first or (None, None)
    reason = " ".join(dict.fromkeys(told[:_TOLD]))
    return InvalidSchema(NAME, reason, line=line_column[0], column=line_column[1])


FORMAT = Protobuf(compile=compile_files)
