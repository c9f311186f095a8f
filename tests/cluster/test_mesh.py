"""The data layer on three real nodes: capture, merge, parking, schema changes, positions."""
