"""The rules of a schema, compiled once: conditions and transforms in CEL and JSONata, tags, inline constraints.

    model     rules and rule sets as a registry sends them, tags by pattern                     pure
    cel       the language CEL; jsonata JSONata
    steps     rules of both as steps over an event; checks inline constraints                   pure
    logical   the schema that events are of, where sealing changed the one that travels         pure
    ruled     a schema together with its rules: what a codec writes and reads with

Rules of the schema in use always run; no option of a client weakens one; what cannot be run is refused by name.
"""
