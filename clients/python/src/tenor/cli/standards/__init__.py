"""Documents of other standards, read and written: AsyncAPI, and the Open Data Contract Standard.

    files.py      a document in a file, JSON or YAML
    asyncapi.py   who sends and receives what, by an AsyncAPI document       pure
    odcs/         a schema as a data contract, and back                      pure

What a document says and nothing here can keep is named in what is reported, never dropped in silence.
"""
