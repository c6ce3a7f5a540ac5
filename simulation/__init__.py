"""A seeded model of a GitHub, and the real code from HTTP client to silver run against it: `make simulate`."""
