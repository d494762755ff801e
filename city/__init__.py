"""What the rooms share: metrics, readings, city packs, grades, settings, database access, errors."""
