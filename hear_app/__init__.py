"""hear_app: a local-first GitHub activity warehouse in one DuckDB file."""

__version__ = "0.1.0"
