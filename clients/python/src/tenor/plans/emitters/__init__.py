"""Plans written in other languages, for those who do not run Tenor's interpreter. Pure.

    jsonata     one expression, and the migration rules of Confluent's clients
    python      a module: both versions as TypedDicts, a pure function, its tests; stubs is what it imports
    typescript  a module: both versions as interfaces, a pure function; steps, hand-written ones in it
    code        what languages with statements have in common; javascript, what numbers hold there; models, named types
    shapes      what events look like, as data: what types are written from

An emitter answers with text, or raises NotExpressible, which names the path and what the target has no word for.
"""
