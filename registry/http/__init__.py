"""What all dialects share on the wire. It decides nothing about schemas.

One outer ASGI layer stands before the Litestar apps:

    raw path ─ segments ─ dialect's rewriting ─ ready answer? ─ yes → sent as it is
                                                             └ no  → Litestar, which meets neither `/` nor an empty
                                                                     segment; a ready answer may be left behind

`segments` reads paths, `outer` sends what is ready, `exchange` is every other request, `dialect` what an API gives.
"""
