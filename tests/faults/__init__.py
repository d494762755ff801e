"""Faults, each really done to our own processes under a load of 2,000 messages a second."""
