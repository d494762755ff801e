-- The columns of the metrics. A line with {key} is written once a metric, one with {sum} or {vector} once a metric
-- that aggregates so; `migrate` runs these blocks for metrics that lack a column.
-- Rollups: mean, least, most and number of the values; the sum of a count; of a direction (degrees, from which the
-- wind comes) the mean unit vector, whose angle is the mean and which has no least and most.

-- name: add_reading_columns
-- Measured values; NULL where the sensor did not measure.
ALTER TABLE reading
    ADD COLUMN IF NOT EXISTS {key} real,
;

-- name: add_reading_revision_columns
-- The values that a revision replaced.
ALTER TABLE reading_revision
    ADD COLUMN IF NOT EXISTS {key} real,
;

-- name: add_latest_columns
-- The newest value of each metric, its time, and whether it is flagged.
ALTER TABLE latest
    ADD COLUMN IF NOT EXISTS {key} real, ADD COLUMN IF NOT EXISTS {key}_time timestamptz, ADD COLUMN IF NOT EXISTS {key}_flagged boolean,
;

-- name: add_sensor_10min_columns
-- Means in float8: a sum of reals was 1 % off.
ALTER TABLE sensor_10min
    ADD COLUMN IF NOT EXISTS {key}_mean float8, ADD COLUMN IF NOT EXISTS {key}_min real, ADD COLUMN IF NOT EXISTS {key}_max real, ADD COLUMN IF NOT EXISTS {key}_n integer,
    ADD COLUMN IF NOT EXISTS {sum}_sum float8,
    ADD COLUMN IF NOT EXISTS {vector}_east float8, ADD COLUMN IF NOT EXISTS {vector}_north float8,
;

-- name: add_sensor_hour_columns
-- As above, by the hour.
ALTER TABLE sensor_hour
    ADD COLUMN IF NOT EXISTS {key}_mean float8, ADD COLUMN IF NOT EXISTS {key}_min real, ADD COLUMN IF NOT EXISTS {key}_max real, ADD COLUMN IF NOT EXISTS {key}_n integer,
    ADD COLUMN IF NOT EXISTS {sum}_sum float8,
    ADD COLUMN IF NOT EXISTS {vector}_east float8, ADD COLUMN IF NOT EXISTS {vector}_north float8,
;

-- name: add_district_10min_columns
-- A district's figure and the number of sensors behind it.
ALTER TABLE district_10min
    ADD COLUMN IF NOT EXISTS {key}_mean float8, ADD COLUMN IF NOT EXISTS {key}_min real, ADD COLUMN IF NOT EXISTS {key}_max real, ADD COLUMN IF NOT EXISTS {key}_n integer, ADD COLUMN IF NOT EXISTS {key}_sensors integer,
    ADD COLUMN IF NOT EXISTS {sum}_sum float8,
    ADD COLUMN IF NOT EXISTS {vector}_east float8, ADD COLUMN IF NOT EXISTS {vector}_north float8,
;

-- name: add_district_hour_columns
-- As above, by the hour.
ALTER TABLE district_hour
    ADD COLUMN IF NOT EXISTS {key}_mean float8, ADD COLUMN IF NOT EXISTS {key}_min real, ADD COLUMN IF NOT EXISTS {key}_max real, ADD COLUMN IF NOT EXISTS {key}_n integer, ADD COLUMN IF NOT EXISTS {key}_sensors integer,
    ADD COLUMN IF NOT EXISTS {sum}_sum float8,
    ADD COLUMN IF NOT EXISTS {vector}_east float8, ADD COLUMN IF NOT EXISTS {vector}_north float8,
;

-- name: add_district_day_columns
-- As above, by the day of the city's time zone.
ALTER TABLE district_day
    ADD COLUMN IF NOT EXISTS {key}_mean float8, ADD COLUMN IF NOT EXISTS {key}_min real, ADD COLUMN IF NOT EXISTS {key}_max real, ADD COLUMN IF NOT EXISTS {key}_n integer, ADD COLUMN IF NOT EXISTS {key}_sensors integer,
    ADD COLUMN IF NOT EXISTS {sum}_sum float8,
    ADD COLUMN IF NOT EXISTS {vector}_east float8, ADD COLUMN IF NOT EXISTS {vector}_north float8,
;
