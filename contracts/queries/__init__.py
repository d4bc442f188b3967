"""Statements of the contract broker: one question a function. They fetch and store, and decide nothing."""
