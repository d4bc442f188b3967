"""Tenor in your own tests: a pytest plugin that installs itself with the package.

def test_orders(tenor_registry, tenor_samples):
    orders = tenor_registry.events("orders-value", schema=SCHEMA, register=True)
    for event in tenor_samples("orders-value"):
        assert handle(orders.decode(orders.encode(event).value))

plugin    what pytest loads: options, and the fixtures of the modules below
served    tenor_url, tenor_registry: a registry of the test run's own, or the one that --tenor-url names
samples   tenor_samples, tenor_payload: valid events of a subject, of a schema file; tenor_invalid: others (invalid)
messages  tenor_message: what consumers' pacts ask a producer for, each a test (interactions, matching, results)
recorder  tenor_events: what a handler relies on, recorded as a contract (watching, experiments, places, lines,
          pacts)
models    what a typed model relies on, for `tenor contracts from-model`
"""
