"""The SQL behind each page: from filters to frames. Only status.py reads beyond the gold schema."""
