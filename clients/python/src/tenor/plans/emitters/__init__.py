"""Plans written in other languages, for those who do not run Tenor's interpreter. Pure.

    jsonata     one expression, and the migration rules of Confluent's clients

An emitter answers with text, or raises NotExpressible, which names the path and what the target has no word for.
"""
