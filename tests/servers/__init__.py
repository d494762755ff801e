"""The servers that the tests start for themselves: one noun a module, and none outlives the run."""
