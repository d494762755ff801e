-- Hours and days that were taken from a file, below what raw readings are kept: NULL, computed here from readings;
-- `rollup`, a file's own figure; `reading`, rolled up out of a file's readings. The refresher leaves both as they are.

ALTER TABLE sensor_hour ADD COLUMN imported text;
ALTER TABLE district_hour ADD COLUMN imported text;
ALTER TABLE district_day ADD COLUMN imported text;
