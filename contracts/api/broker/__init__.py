"""The Pact Broker's API (HAL), mounted below `/pact`: what unmodified Pact tools speak."""
