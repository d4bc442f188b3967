"""Keys: what data is sealed with (`algorithms`), and the systems that wrap it (`kms`).

KEK (stays in the KMS) ──wraps──> serialised key ──holds──> DEK ──seals──> field or payload
"""
