"""Rollups, retention and partitions."""
