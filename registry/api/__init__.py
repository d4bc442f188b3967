"""Dialects: each decodes a request, calls a use case and encodes the answer. A dialect is wire shapes plus one error
table; no rule of the domain lives here."""
