"""The dialects of contract testing: decode, call, encode."""
