"""A server that is not on this machine."""

from __future__ import annotations


class Missing(Exception):  # noqa: N818 a finding, not a failure
    """A part that a test needs is not here; the text says which, and how to get it."""
