"""A small deterministic GitHub of our own: a seeded generator, and a server like the REST API."""
