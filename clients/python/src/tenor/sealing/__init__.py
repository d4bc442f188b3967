"""Sealing: what the rules ENCRYPT, ENCRYPT_PAYLOAD, SEAL and SEAL_PAYLOAD do to fields and bodies.

    sources    which key a rule uses: KEK, domain, algorithm, age and count after which it is renewed       pure
    keyring    the keys at hand, and for how long; no I/O, no lock on the warm path
    encrypt    the layout of Confluent's clients, byte for byte, read tolerantly                            pure
    seal       our own: any type, bound to its place, suites 01 to 04                                       pure
    wire       the schema in which a sealed number is bytes, and back                                       pure
    persons    whose key seals what: handles in place of ids                                                pure
    executor   the above as steps of rules

ENCRYPT is read and written by every Confluent client. SEAL is unknown to them, and so stops them.
"""
