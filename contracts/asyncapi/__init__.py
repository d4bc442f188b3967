"""What the registry knows as an AsyncAPI 3.0 document: topics as channels, subjects as messages, applications as
operations.

    topics.py     which topic a subject belongs to, and how that is known      pure
    schemas.py    a schema as AsyncAPI carries it, in its own language         pure
    document.py   the document                                                 pure
    facts.py      the use case: what the document is made of, read at once
"""
