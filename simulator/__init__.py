"""Simulated sensors: a city-wide field and the devices that measure it."""
