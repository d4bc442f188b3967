"""The .proto files every schema may import without registering them.

Google's well-known types (`google/protobuf/*`) come with protoc. Written here, as facts of interface: the names,
fields and numbers of Confluent's `confluent/meta.proto` and `confluent/type/decimal.proto`, and of Google's
`google/type/*`. A schema that registered its own copy of one of these under the same import path is served by its own.
"""

from __future__ import annotations

META = "confluent/meta.proto"
"""Where the extension lives that carries inline tags."""

META_NUMBER = 1088
"""The field number of that extension, on every kind of options."""


def _file(package: str, body: str, *imports: str) -> str:
    lines = "".join(f'import "{path}";\n' for path in imports)
    return f'syntax = "proto3";\npackage {package};\n{lines}{body}'


def _type(body: str, *imports: str) -> str:
    return _file("google.type", body, *imports)


_EXTENDED = {
    "FileOptions": "file_meta",
    "MessageOptions": "message_meta",
    "FieldOptions": "field_meta",
    "EnumOptions": "enum_meta",
    "EnumValueOptions": "enum_value_meta",
}

SOURCES: dict[str, str] = {
    META: _file(
        "confluent",
        "message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }\n"
        + "".join(
            f"extend google.protobuf.{options} {{ optional Meta {name} = {META_NUMBER}; }}\n"
            for options, name in _EXTENDED.items()
        ),
        "google/protobuf/descriptor.proto",
    ),
    "confluent/type/decimal.proto": _file(
        "confluent.type", "message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }\n"
    ),
    "google/type/calendar_period.proto": _type(
        "enum CalendarPeriod { CALENDAR_PERIOD_UNSPECIFIED = 0; DAY = 1; WEEK = 2; FORTNIGHT = 3; MONTH = 4;"
        " QUARTER = 5; HALF = 6; YEAR = 7; }\n"
    ),
    "google/type/color.proto": _type(
        "message Color { float red = 1; float green = 2; float blue = 3; google.protobuf.FloatValue alpha = 4; }\n",
        "google/protobuf/wrappers.proto",
    ),
    "google/type/date.proto": _type("message Date { int32 year = 1; int32 month = 2; int32 day = 3; }\n"),
    "google/type/datetime.proto": _type(
        "message DateTime { int32 year = 1; int32 month = 2; int32 day = 3; int32 hours = 4; int32 minutes = 5;"
        " int32 seconds = 6; int32 nanos = 7; oneof time_offset { google.protobuf.Duration utc_offset = 8;"
        " TimeZone time_zone = 9; } }\n"
        "message TimeZone { string id = 1; string version = 2; }\n",
        "google/protobuf/duration.proto",
    ),
    "google/type/dayofweek.proto": _type(
        "enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3; THURSDAY = 4;"
        " FRIDAY = 5; SATURDAY = 6; SUNDAY = 7; }\n"
    ),
    "google/type/decimal.proto": _type("message Decimal { string value = 1; }\n"),
    "google/type/expr.proto": _type(
        "message Expr { string expression = 1; string title = 2; string description = 3; string location = 4; }\n"
    ),
    "google/type/fraction.proto": _type("message Fraction { int64 numerator = 1; int64 denominator = 2; }\n"),
    "google/type/interval.proto": _type(
        "message Interval { google.protobuf.Timestamp start_time = 1; google.protobuf.Timestamp end_time = 2; }\n",
        "google/protobuf/timestamp.proto",
    ),
    "google/type/latlng.proto": _type("message LatLng { double latitude = 1; double longitude = 2; }\n"),
    "google/type/localized_text.proto": _type("message LocalizedText { string text = 1; string language_code = 2; }\n"),
    "google/type/money.proto": _type("message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }\n"),
    "google/type/month.proto": _type(
        "enum Month { MONTH_UNSPECIFIED = 0; JANUARY = 1; FEBRUARY = 2; MARCH = 3; APRIL = 4; MAY = 5; JUNE = 6;"
        " JULY = 7; AUGUST = 8; SEPTEMBER = 9; OCTOBER = 10; NOVEMBER = 11; DECEMBER = 12; }\n"
    ),
    "google/type/phone_number.proto": _type(
        "message PhoneNumber { message ShortCode { string region_code = 1; string number = 2; }"
        " oneof kind { string e164_number = 1; ShortCode short_code = 2; } string extension = 3; }\n"
    ),
    "google/type/postal_address.proto": _type(
        "message PostalAddress { int32 revision = 1; string region_code = 2; string language_code = 3;"
        " string postal_code = 4; string sorting_code = 5; string administrative_area = 6; string locality = 7;"
        " string sublocality = 8; repeated string address_lines = 9; repeated string recipients = 10;"
        " string organization = 11; }\n"
    ),
    "google/type/quaternion.proto": _type(
        "message Quaternion { double x = 1; double y = 2; double z = 3; double w = 4; }\n"
    ),
    "google/type/timeofday.proto": _type(
        "message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }\n"
    ),
}


def is_builtin(path: str) -> bool:
    """Whether protoc or this module supplies the file."""
    return path in SOURCES or path.startswith("google/protobuf/")
