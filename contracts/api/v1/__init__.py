"""Contract testing's part of the native API: impact, consumers, policies, waivers, what producers write."""
