"""Use cases: each takes an actor and a store, and does its work in one transaction."""
