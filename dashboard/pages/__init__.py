"""Pages: one module each, with `PATH`, `Ids`, `layout()` and `register()`."""
