-- step: drop_sensor_10min
-- Out with the old; the districts it counted in follow.
WITH gone AS (
    DELETE FROM sensor_10min AS s USING changed_bucket AS c WHERE s.sensor_id = c.sensor_id AND s.bucket = c.bucket
        AND s.bucket >= %(low)s AND s.bucket < %(high)s
    RETURNING s.district_id, s.bucket
)
INSERT INTO changed_district SELECT DISTINCT district_id, bucket FROM gone WHERE district_id > 0;

-- step: fill_sensor_10min
-- From raw readings: unflagged values only. Sums and numbers, since avg() keeps squares, too: half the time.
WITH made AS (
    INSERT INTO sensor_10min (sensor_id, bucket, district_id
        , pm25_mean, pm25_min, pm25_max, pm25_n
        , pm10_mean, pm10_min, pm10_max, pm10_n
        , pm25_corrected_mean, pm25_corrected_min, pm25_corrected_max, pm25_corrected_n
        , pm10_corrected_mean, pm10_corrected_min, pm10_corrected_max, pm10_corrected_n
        , temperature_mean, temperature_min, temperature_max, temperature_n
        , humidity_mean, humidity_min, humidity_max, humidity_n
        , wind_speed_mean, wind_speed_min, wind_speed_max, wind_speed_n
        , gust_speed_mean, gust_speed_min, gust_speed_max, gust_speed_n
        , illuminance_mean, illuminance_min, illuminance_max, illuminance_n
        , uv_mean, uv_min, uv_max, uv_n
        , noise_mean, noise_min, noise_max, noise_n
        , vibration_x_mean, vibration_x_min, vibration_x_max, vibration_x_n
        , vibration_y_mean, vibration_y_min, vibration_y_max, vibration_y_n
        , vibration_z_mean, vibration_z_min, vibration_z_max, vibration_z_n
        , vibration_x_max_mean, vibration_x_max_min, vibration_x_max_max, vibration_x_max_n
        , vibration_y_max_mean, vibration_y_max_min, vibration_y_max_max, vibration_y_max_n
        , vibration_z_max_mean, vibration_z_max_min, vibration_z_max_max, vibration_z_max_n
        , black_globe_mean, black_globe_min, black_globe_max, black_globe_n
        , no2_mean, no2_min, no2_max, no2_n
        , co_mean, co_min, co_max, co_n
        , so2_mean, so2_min, so2_max, so2_n
        , nh3_mean, nh3_min, nh3_max, nh3_n
        , h2s_mean, h2s_min, h2s_max, h2s_n
        , o3_mean, o3_min, o3_max, o3_n
        , visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum
        , wind_direction_mean, wind_direction_n, wind_direction_east, wind_direction_north
        , gust_direction_mean, gust_direction_n, gust_direction_east, gust_direction_north
    )
    SELECT sensor_id, bucket, district_id
        , sum(pm25::float8) / nullif(count(pm25), 0), min(pm25), max(pm25), count(pm25)
        , sum(pm10::float8) / nullif(count(pm10), 0), min(pm10), max(pm10), count(pm10)
        , sum(pm25_corrected::float8) / nullif(count(pm25_corrected), 0), min(pm25_corrected), max(pm25_corrected), count(pm25_corrected)
        , sum(pm10_corrected::float8) / nullif(count(pm10_corrected), 0), min(pm10_corrected), max(pm10_corrected), count(pm10_corrected)
        , sum(temperature::float8) / nullif(count(temperature), 0), min(temperature), max(temperature), count(temperature)
        , sum(humidity::float8) / nullif(count(humidity), 0), min(humidity), max(humidity), count(humidity)
        , sum(wind_speed::float8) / nullif(count(wind_speed), 0), min(wind_speed), max(wind_speed), count(wind_speed)
        , sum(gust_speed::float8) / nullif(count(gust_speed), 0), min(gust_speed), max(gust_speed), count(gust_speed)
        , sum(illuminance::float8) / nullif(count(illuminance), 0), min(illuminance), max(illuminance), count(illuminance)
        , sum(uv::float8) / nullif(count(uv), 0), min(uv), max(uv), count(uv)
        , sum(noise::float8) / nullif(count(noise), 0), min(noise), max(noise), count(noise)
        , sum(vibration_x::float8) / nullif(count(vibration_x), 0), min(vibration_x), max(vibration_x), count(vibration_x)
        , sum(vibration_y::float8) / nullif(count(vibration_y), 0), min(vibration_y), max(vibration_y), count(vibration_y)
        , sum(vibration_z::float8) / nullif(count(vibration_z), 0), min(vibration_z), max(vibration_z), count(vibration_z)
        , sum(vibration_x_max::float8) / nullif(count(vibration_x_max), 0), min(vibration_x_max), max(vibration_x_max), count(vibration_x_max)
        , sum(vibration_y_max::float8) / nullif(count(vibration_y_max), 0), min(vibration_y_max), max(vibration_y_max), count(vibration_y_max)
        , sum(vibration_z_max::float8) / nullif(count(vibration_z_max), 0), min(vibration_z_max), max(vibration_z_max), count(vibration_z_max)
        , sum(black_globe::float8) / nullif(count(black_globe), 0), min(black_globe), max(black_globe), count(black_globe)
        , sum(no2::float8) / nullif(count(no2), 0), min(no2), max(no2), count(no2)
        , sum(co::float8) / nullif(count(co), 0), min(co), max(co), count(co)
        , sum(so2::float8) / nullif(count(so2), 0), min(so2), max(so2), count(so2)
        , sum(nh3::float8) / nullif(count(nh3), 0), min(nh3), max(nh3), count(nh3)
        , sum(h2s::float8) / nullif(count(h2s), 0), min(h2s), max(h2s), count(h2s)
        , sum(o3::float8) / nullif(count(o3), 0), min(o3), max(o3), count(o3)
        , sum(visitors::float8) / nullif(count(visitors), 0), min(visitors), max(visitors), count(visitors), sum(visitors::float8)
        , direction(sum(sind(wind_direction)), sum(cosd(wind_direction))), count(wind_direction), sum(sind(wind_direction)) / nullif(count(wind_direction), 0), sum(cosd(wind_direction)) / nullif(count(wind_direction), 0)
        , direction(sum(sind(gust_direction)), sum(cosd(gust_direction))), count(gust_direction), sum(sind(gust_direction)) / nullif(count(gust_direction), 0), sum(cosd(gust_direction)) / nullif(count(gust_direction), 0)
    FROM (
        SELECT c.sensor_id, c.bucket, coalesce(r.district_id, 0) AS district_id
            , CASE WHEN r.flags = 0 OR r.flags >> 0 & 1 = 0 THEN r.pm25 END AS pm25
            , CASE WHEN r.flags = 0 OR r.flags >> 1 & 1 = 0 THEN r.pm10 END AS pm10
            , CASE WHEN r.flags = 0 OR r.flags >> 2 & 1 = 0 THEN r.pm25_corrected END AS pm25_corrected
            , CASE WHEN r.flags = 0 OR r.flags >> 3 & 1 = 0 THEN r.pm10_corrected END AS pm10_corrected
            , CASE WHEN r.flags = 0 OR r.flags >> 4 & 1 = 0 THEN r.temperature END AS temperature
            , CASE WHEN r.flags = 0 OR r.flags >> 5 & 1 = 0 THEN r.humidity END AS humidity
            , CASE WHEN r.flags = 0 OR r.flags >> 6 & 1 = 0 THEN r.visitors END AS visitors
            , CASE WHEN r.flags = 0 OR r.flags >> 7 & 1 = 0 THEN r.wind_speed END AS wind_speed
            , CASE WHEN r.flags = 0 OR r.flags >> 8 & 1 = 0 THEN r.wind_direction END AS wind_direction
            , CASE WHEN r.flags = 0 OR r.flags >> 9 & 1 = 0 THEN r.gust_speed END AS gust_speed
            , CASE WHEN r.flags = 0 OR r.flags >> 10 & 1 = 0 THEN r.gust_direction END AS gust_direction
            , CASE WHEN r.flags = 0 OR r.flags >> 11 & 1 = 0 THEN r.illuminance END AS illuminance
            , CASE WHEN r.flags = 0 OR r.flags >> 12 & 1 = 0 THEN r.uv END AS uv
            , CASE WHEN r.flags = 0 OR r.flags >> 13 & 1 = 0 THEN r.noise END AS noise
            , CASE WHEN r.flags = 0 OR r.flags >> 14 & 1 = 0 THEN r.vibration_x END AS vibration_x
            , CASE WHEN r.flags = 0 OR r.flags >> 15 & 1 = 0 THEN r.vibration_y END AS vibration_y
            , CASE WHEN r.flags = 0 OR r.flags >> 16 & 1 = 0 THEN r.vibration_z END AS vibration_z
            , CASE WHEN r.flags = 0 OR r.flags >> 17 & 1 = 0 THEN r.vibration_x_max END AS vibration_x_max
            , CASE WHEN r.flags = 0 OR r.flags >> 18 & 1 = 0 THEN r.vibration_y_max END AS vibration_y_max
            , CASE WHEN r.flags = 0 OR r.flags >> 19 & 1 = 0 THEN r.vibration_z_max END AS vibration_z_max
            , CASE WHEN r.flags = 0 OR r.flags >> 20 & 1 = 0 THEN r.black_globe END AS black_globe
            , CASE WHEN r.flags = 0 OR r.flags >> 21 & 1 = 0 THEN r.no2 END AS no2
            , CASE WHEN r.flags = 0 OR r.flags >> 22 & 1 = 0 THEN r.co END AS co
            , CASE WHEN r.flags = 0 OR r.flags >> 23 & 1 = 0 THEN r.so2 END AS so2
            , CASE WHEN r.flags = 0 OR r.flags >> 24 & 1 = 0 THEN r.nh3 END AS nh3
            , CASE WHEN r.flags = 0 OR r.flags >> 25 & 1 = 0 THEN r.h2s END AS h2s
            , CASE WHEN r.flags = 0 OR r.flags >> 26 & 1 = 0 THEN r.o3 END AS o3
        FROM changed_bucket AS c
        CROSS JOIN LATERAL (
            SELECT * FROM reading AS x
            WHERE x.sensor_id = c.sensor_id AND x.time >= c.bucket AND x.time < c.bucket + interval '10 minutes'
                AND x.time >= %(low)s AND x.time < %(high)s
            OFFSET 0
        ) AS r
    ) AS value
    GROUP BY sensor_id, bucket, district_id
    RETURNING district_id, bucket
)
INSERT INTO changed_district SELECT DISTINCT district_id, bucket FROM made WHERE district_id > 0;

-- step: drop_sensor_hour
-- The hours of those buckets.
DELETE FROM sensor_hour AS s
USING (SELECT DISTINCT sensor_id, date_trunc('hour', bucket, %(zone)s) AS hour FROM changed_bucket) AS c
WHERE s.sensor_id = c.sensor_id AND s.bucket = c.hour AND s.bucket >= %(hour_low)s AND s.bucket < %(hour_high)s AND s.imported IS NULL;

-- step: fill_sensor_hour
-- From the 10 minutes: a mean of means by their numbers is the mean of the values.
INSERT INTO sensor_hour (sensor_id, bucket, district_id
    , pm25_mean, pm25_min, pm25_max, pm25_n
    , pm10_mean, pm10_min, pm10_max, pm10_n
    , pm25_corrected_mean, pm25_corrected_min, pm25_corrected_max, pm25_corrected_n
    , pm10_corrected_mean, pm10_corrected_min, pm10_corrected_max, pm10_corrected_n
    , temperature_mean, temperature_min, temperature_max, temperature_n
    , humidity_mean, humidity_min, humidity_max, humidity_n
    , wind_speed_mean, wind_speed_min, wind_speed_max, wind_speed_n
    , gust_speed_mean, gust_speed_min, gust_speed_max, gust_speed_n
    , illuminance_mean, illuminance_min, illuminance_max, illuminance_n
    , uv_mean, uv_min, uv_max, uv_n
    , noise_mean, noise_min, noise_max, noise_n
    , vibration_x_mean, vibration_x_min, vibration_x_max, vibration_x_n
    , vibration_y_mean, vibration_y_min, vibration_y_max, vibration_y_n
    , vibration_z_mean, vibration_z_min, vibration_z_max, vibration_z_n
    , vibration_x_max_mean, vibration_x_max_min, vibration_x_max_max, vibration_x_max_n
    , vibration_y_max_mean, vibration_y_max_min, vibration_y_max_max, vibration_y_max_n
    , vibration_z_max_mean, vibration_z_max_min, vibration_z_max_max, vibration_z_max_n
    , black_globe_mean, black_globe_min, black_globe_max, black_globe_n
    , no2_mean, no2_min, no2_max, no2_n
    , co_mean, co_min, co_max, co_n
    , so2_mean, so2_min, so2_max, so2_n
    , nh3_mean, nh3_min, nh3_max, nh3_n
    , h2s_mean, h2s_min, h2s_max, h2s_n
    , o3_mean, o3_min, o3_max, o3_n
    , visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum
    , wind_direction_mean, wind_direction_n, wind_direction_east, wind_direction_north
    , gust_direction_mean, gust_direction_n, gust_direction_east, gust_direction_north
)
SELECT c.sensor_id, c.hour, r.district_id
    , sum(pm25_mean * pm25_n) / nullif(sum(pm25_n), 0), min(pm25_min), max(pm25_max), sum(pm25_n)
    , sum(pm10_mean * pm10_n) / nullif(sum(pm10_n), 0), min(pm10_min), max(pm10_max), sum(pm10_n)
    , sum(pm25_corrected_mean * pm25_corrected_n) / nullif(sum(pm25_corrected_n), 0), min(pm25_corrected_min), max(pm25_corrected_max), sum(pm25_corrected_n)
    , sum(pm10_corrected_mean * pm10_corrected_n) / nullif(sum(pm10_corrected_n), 0), min(pm10_corrected_min), max(pm10_corrected_max), sum(pm10_corrected_n)
    , sum(temperature_mean * temperature_n) / nullif(sum(temperature_n), 0), min(temperature_min), max(temperature_max), sum(temperature_n)
    , sum(humidity_mean * humidity_n) / nullif(sum(humidity_n), 0), min(humidity_min), max(humidity_max), sum(humidity_n)
    , sum(wind_speed_mean * wind_speed_n) / nullif(sum(wind_speed_n), 0), min(wind_speed_min), max(wind_speed_max), sum(wind_speed_n)
    , sum(gust_speed_mean * gust_speed_n) / nullif(sum(gust_speed_n), 0), min(gust_speed_min), max(gust_speed_max), sum(gust_speed_n)
    , sum(illuminance_mean * illuminance_n) / nullif(sum(illuminance_n), 0), min(illuminance_min), max(illuminance_max), sum(illuminance_n)
    , sum(uv_mean * uv_n) / nullif(sum(uv_n), 0), min(uv_min), max(uv_max), sum(uv_n)
    , sum(noise_mean * noise_n) / nullif(sum(noise_n), 0), min(noise_min), max(noise_max), sum(noise_n)
    , sum(vibration_x_mean * vibration_x_n) / nullif(sum(vibration_x_n), 0), min(vibration_x_min), max(vibration_x_max), sum(vibration_x_n)
    , sum(vibration_y_mean * vibration_y_n) / nullif(sum(vibration_y_n), 0), min(vibration_y_min), max(vibration_y_max), sum(vibration_y_n)
    , sum(vibration_z_mean * vibration_z_n) / nullif(sum(vibration_z_n), 0), min(vibration_z_min), max(vibration_z_max), sum(vibration_z_n)
    , sum(vibration_x_max_mean * vibration_x_max_n) / nullif(sum(vibration_x_max_n), 0), min(vibration_x_max_min), max(vibration_x_max_max), sum(vibration_x_max_n)
    , sum(vibration_y_max_mean * vibration_y_max_n) / nullif(sum(vibration_y_max_n), 0), min(vibration_y_max_min), max(vibration_y_max_max), sum(vibration_y_max_n)
    , sum(vibration_z_max_mean * vibration_z_max_n) / nullif(sum(vibration_z_max_n), 0), min(vibration_z_max_min), max(vibration_z_max_max), sum(vibration_z_max_n)
    , sum(black_globe_mean * black_globe_n) / nullif(sum(black_globe_n), 0), min(black_globe_min), max(black_globe_max), sum(black_globe_n)
    , sum(no2_mean * no2_n) / nullif(sum(no2_n), 0), min(no2_min), max(no2_max), sum(no2_n)
    , sum(co_mean * co_n) / nullif(sum(co_n), 0), min(co_min), max(co_max), sum(co_n)
    , sum(so2_mean * so2_n) / nullif(sum(so2_n), 0), min(so2_min), max(so2_max), sum(so2_n)
    , sum(nh3_mean * nh3_n) / nullif(sum(nh3_n), 0), min(nh3_min), max(nh3_max), sum(nh3_n)
    , sum(h2s_mean * h2s_n) / nullif(sum(h2s_n), 0), min(h2s_min), max(h2s_max), sum(h2s_n)
    , sum(o3_mean * o3_n) / nullif(sum(o3_n), 0), min(o3_min), max(o3_max), sum(o3_n)
    , sum(visitors_mean * visitors_n) / nullif(sum(visitors_n), 0), min(visitors_min), max(visitors_max), sum(visitors_n), sum(visitors_sum)
    , direction(sum(wind_direction_east * wind_direction_n), sum(wind_direction_north * wind_direction_n)), sum(wind_direction_n), sum(wind_direction_east * wind_direction_n) / nullif(sum(wind_direction_n), 0), sum(wind_direction_north * wind_direction_n) / nullif(sum(wind_direction_n), 0)
    , direction(sum(gust_direction_east * gust_direction_n), sum(gust_direction_north * gust_direction_n)), sum(gust_direction_n), sum(gust_direction_east * gust_direction_n) / nullif(sum(gust_direction_n), 0), sum(gust_direction_north * gust_direction_n) / nullif(sum(gust_direction_n), 0)
FROM (SELECT DISTINCT sensor_id, date_trunc('hour', bucket, %(zone)s) AS hour FROM changed_bucket) AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_10min AS x
    WHERE x.sensor_id = c.sensor_id AND x.bucket >= c.hour AND x.bucket < c.hour + interval '1 hour'
        AND x.bucket >= %(hour_low)s AND x.bucket < %(hour_high)s
    OFFSET 0
) AS r
GROUP BY c.sensor_id, c.hour, r.district_id
ON CONFLICT DO NOTHING;

-- step: gather_districts
-- Each district and bucket once.
INSERT INTO changed_once
SELECT DISTINCT district_id, bucket, date_trunc('hour', bucket, %(zone)s) FROM changed_district;

-- step: drop_district_10min
-- Out with the old.
DELETE FROM district_10min AS d USING changed_once AS c
WHERE d.district_id = c.district_id AND d.bucket = c.bucket
    AND d.bucket >= %(low)s AND d.bucket < %(high)s;

-- step: fill_district_10min
-- The mean of its sensors' means, each sensor once. By time: a question of all districts then reads a page once.
INSERT INTO district_10min (district_id, bucket
    , pm25_mean, pm25_min, pm25_max, pm25_n, pm25_sensors
    , pm10_mean, pm10_min, pm10_max, pm10_n, pm10_sensors
    , pm25_corrected_mean, pm25_corrected_min, pm25_corrected_max, pm25_corrected_n, pm25_corrected_sensors
    , pm10_corrected_mean, pm10_corrected_min, pm10_corrected_max, pm10_corrected_n, pm10_corrected_sensors
    , temperature_mean, temperature_min, temperature_max, temperature_n, temperature_sensors
    , humidity_mean, humidity_min, humidity_max, humidity_n, humidity_sensors
    , wind_speed_mean, wind_speed_min, wind_speed_max, wind_speed_n, wind_speed_sensors
    , gust_speed_mean, gust_speed_min, gust_speed_max, gust_speed_n, gust_speed_sensors
    , illuminance_mean, illuminance_min, illuminance_max, illuminance_n, illuminance_sensors
    , uv_mean, uv_min, uv_max, uv_n, uv_sensors
    , noise_mean, noise_min, noise_max, noise_n, noise_sensors
    , vibration_x_mean, vibration_x_min, vibration_x_max, vibration_x_n, vibration_x_sensors
    , vibration_y_mean, vibration_y_min, vibration_y_max, vibration_y_n, vibration_y_sensors
    , vibration_z_mean, vibration_z_min, vibration_z_max, vibration_z_n, vibration_z_sensors
    , vibration_x_max_mean, vibration_x_max_min, vibration_x_max_max, vibration_x_max_n, vibration_x_max_sensors
    , vibration_y_max_mean, vibration_y_max_min, vibration_y_max_max, vibration_y_max_n, vibration_y_max_sensors
    , vibration_z_max_mean, vibration_z_max_min, vibration_z_max_max, vibration_z_max_n, vibration_z_max_sensors
    , black_globe_mean, black_globe_min, black_globe_max, black_globe_n, black_globe_sensors
    , no2_mean, no2_min, no2_max, no2_n, no2_sensors
    , co_mean, co_min, co_max, co_n, co_sensors
    , so2_mean, so2_min, so2_max, so2_n, so2_sensors
    , nh3_mean, nh3_min, nh3_max, nh3_n, nh3_sensors
    , h2s_mean, h2s_min, h2s_max, h2s_n, h2s_sensors
    , o3_mean, o3_min, o3_max, o3_n, o3_sensors
    , visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum, visitors_sensors
    , wind_direction_mean, wind_direction_n, wind_direction_east, wind_direction_north, wind_direction_sensors
    , gust_direction_mean, gust_direction_n, gust_direction_east, gust_direction_north, gust_direction_sensors
)
SELECT s.district_id, s.bucket
    , avg(pm25_mean), min(pm25_min), max(pm25_max), sum(pm25_n), count(pm25_mean)
    , avg(pm10_mean), min(pm10_min), max(pm10_max), sum(pm10_n), count(pm10_mean)
    , avg(pm25_corrected_mean), min(pm25_corrected_min), max(pm25_corrected_max), sum(pm25_corrected_n), count(pm25_corrected_mean)
    , avg(pm10_corrected_mean), min(pm10_corrected_min), max(pm10_corrected_max), sum(pm10_corrected_n), count(pm10_corrected_mean)
    , avg(temperature_mean), min(temperature_min), max(temperature_max), sum(temperature_n), count(temperature_mean)
    , avg(humidity_mean), min(humidity_min), max(humidity_max), sum(humidity_n), count(humidity_mean)
    , avg(wind_speed_mean), min(wind_speed_min), max(wind_speed_max), sum(wind_speed_n), count(wind_speed_mean)
    , avg(gust_speed_mean), min(gust_speed_min), max(gust_speed_max), sum(gust_speed_n), count(gust_speed_mean)
    , avg(illuminance_mean), min(illuminance_min), max(illuminance_max), sum(illuminance_n), count(illuminance_mean)
    , avg(uv_mean), min(uv_min), max(uv_max), sum(uv_n), count(uv_mean)
    , avg(noise_mean), min(noise_min), max(noise_max), sum(noise_n), count(noise_mean)
    , avg(vibration_x_mean), min(vibration_x_min), max(vibration_x_max), sum(vibration_x_n), count(vibration_x_mean)
    , avg(vibration_y_mean), min(vibration_y_min), max(vibration_y_max), sum(vibration_y_n), count(vibration_y_mean)
    , avg(vibration_z_mean), min(vibration_z_min), max(vibration_z_max), sum(vibration_z_n), count(vibration_z_mean)
    , avg(vibration_x_max_mean), min(vibration_x_max_min), max(vibration_x_max_max), sum(vibration_x_max_n), count(vibration_x_max_mean)
    , avg(vibration_y_max_mean), min(vibration_y_max_min), max(vibration_y_max_max), sum(vibration_y_max_n), count(vibration_y_max_mean)
    , avg(vibration_z_max_mean), min(vibration_z_max_min), max(vibration_z_max_max), sum(vibration_z_max_n), count(vibration_z_max_mean)
    , avg(black_globe_mean), min(black_globe_min), max(black_globe_max), sum(black_globe_n), count(black_globe_mean)
    , avg(no2_mean), min(no2_min), max(no2_max), sum(no2_n), count(no2_mean)
    , avg(co_mean), min(co_min), max(co_max), sum(co_n), count(co_mean)
    , avg(so2_mean), min(so2_min), max(so2_max), sum(so2_n), count(so2_mean)
    , avg(nh3_mean), min(nh3_min), max(nh3_max), sum(nh3_n), count(nh3_mean)
    , avg(h2s_mean), min(h2s_min), max(h2s_max), sum(h2s_n), count(h2s_mean)
    , avg(o3_mean), min(o3_min), max(o3_max), sum(o3_n), count(o3_mean)
    , avg(visitors_mean), min(visitors_min), max(visitors_max), sum(visitors_n), sum(visitors_sum), count(visitors_mean)
    , direction(avg(wind_direction_east), avg(wind_direction_north)), sum(wind_direction_n), avg(wind_direction_east), avg(wind_direction_north), count(wind_direction_east)
    , direction(avg(gust_direction_east), avg(gust_direction_north)), sum(gust_direction_n), avg(gust_direction_east), avg(gust_direction_north), count(gust_direction_east)
FROM changed_once AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_10min AS x
    WHERE x.bucket = c.bucket AND x.district_id = c.district_id AND x.bucket >= %(low)s AND x.bucket < %(high)s
    OFFSET 0
) AS s
GROUP BY s.district_id, s.bucket
ORDER BY s.bucket, s.district_id;

-- step: drop_district_hour
-- Out with the old.
DELETE FROM district_hour AS d USING (SELECT DISTINCT district_id, hour FROM changed_once) AS c
WHERE d.district_id = c.district_id AND d.bucket = c.hour AND d.bucket >= %(hour_low)s AND d.bucket < %(hour_high)s
    AND d.imported IS NULL;

-- step: fill_district_hour
-- The same from the sensors' hours.
INSERT INTO district_hour (district_id, bucket
    , pm25_mean, pm25_min, pm25_max, pm25_n, pm25_sensors
    , pm10_mean, pm10_min, pm10_max, pm10_n, pm10_sensors
    , pm25_corrected_mean, pm25_corrected_min, pm25_corrected_max, pm25_corrected_n, pm25_corrected_sensors
    , pm10_corrected_mean, pm10_corrected_min, pm10_corrected_max, pm10_corrected_n, pm10_corrected_sensors
    , temperature_mean, temperature_min, temperature_max, temperature_n, temperature_sensors
    , humidity_mean, humidity_min, humidity_max, humidity_n, humidity_sensors
    , wind_speed_mean, wind_speed_min, wind_speed_max, wind_speed_n, wind_speed_sensors
    , gust_speed_mean, gust_speed_min, gust_speed_max, gust_speed_n, gust_speed_sensors
    , illuminance_mean, illuminance_min, illuminance_max, illuminance_n, illuminance_sensors
    , uv_mean, uv_min, uv_max, uv_n, uv_sensors
    , noise_mean, noise_min, noise_max, noise_n, noise_sensors
    , vibration_x_mean, vibration_x_min, vibration_x_max, vibration_x_n, vibration_x_sensors
    , vibration_y_mean, vibration_y_min, vibration_y_max, vibration_y_n, vibration_y_sensors
    , vibration_z_mean, vibration_z_min, vibration_z_max, vibration_z_n, vibration_z_sensors
    , vibration_x_max_mean, vibration_x_max_min, vibration_x_max_max, vibration_x_max_n, vibration_x_max_sensors
    , vibration_y_max_mean, vibration_y_max_min, vibration_y_max_max, vibration_y_max_n, vibration_y_max_sensors
    , vibration_z_max_mean, vibration_z_max_min, vibration_z_max_max, vibration_z_max_n, vibration_z_max_sensors
    , black_globe_mean, black_globe_min, black_globe_max, black_globe_n, black_globe_sensors
    , no2_mean, no2_min, no2_max, no2_n, no2_sensors
    , co_mean, co_min, co_max, co_n, co_sensors
    , so2_mean, so2_min, so2_max, so2_n, so2_sensors
    , nh3_mean, nh3_min, nh3_max, nh3_n, nh3_sensors
    , h2s_mean, h2s_min, h2s_max, h2s_n, h2s_sensors
    , o3_mean, o3_min, o3_max, o3_n, o3_sensors
    , visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum, visitors_sensors
    , wind_direction_mean, wind_direction_n, wind_direction_east, wind_direction_north, wind_direction_sensors
    , gust_direction_mean, gust_direction_n, gust_direction_east, gust_direction_north, gust_direction_sensors
)
SELECT s.district_id, s.bucket
    , avg(pm25_mean), min(pm25_min), max(pm25_max), sum(pm25_n), count(pm25_mean)
    , avg(pm10_mean), min(pm10_min), max(pm10_max), sum(pm10_n), count(pm10_mean)
    , avg(pm25_corrected_mean), min(pm25_corrected_min), max(pm25_corrected_max), sum(pm25_corrected_n), count(pm25_corrected_mean)
    , avg(pm10_corrected_mean), min(pm10_corrected_min), max(pm10_corrected_max), sum(pm10_corrected_n), count(pm10_corrected_mean)
    , avg(temperature_mean), min(temperature_min), max(temperature_max), sum(temperature_n), count(temperature_mean)
    , avg(humidity_mean), min(humidity_min), max(humidity_max), sum(humidity_n), count(humidity_mean)
    , avg(wind_speed_mean), min(wind_speed_min), max(wind_speed_max), sum(wind_speed_n), count(wind_speed_mean)
    , avg(gust_speed_mean), min(gust_speed_min), max(gust_speed_max), sum(gust_speed_n), count(gust_speed_mean)
    , avg(illuminance_mean), min(illuminance_min), max(illuminance_max), sum(illuminance_n), count(illuminance_mean)
    , avg(uv_mean), min(uv_min), max(uv_max), sum(uv_n), count(uv_mean)
    , avg(noise_mean), min(noise_min), max(noise_max), sum(noise_n), count(noise_mean)
    , avg(vibration_x_mean), min(vibration_x_min), max(vibration_x_max), sum(vibration_x_n), count(vibration_x_mean)
    , avg(vibration_y_mean), min(vibration_y_min), max(vibration_y_max), sum(vibration_y_n), count(vibration_y_mean)
    , avg(vibration_z_mean), min(vibration_z_min), max(vibration_z_max), sum(vibration_z_n), count(vibration_z_mean)
    , avg(vibration_x_max_mean), min(vibration_x_max_min), max(vibration_x_max_max), sum(vibration_x_max_n), count(vibration_x_max_mean)
    , avg(vibration_y_max_mean), min(vibration_y_max_min), max(vibration_y_max_max), sum(vibration_y_max_n), count(vibration_y_max_mean)
    , avg(vibration_z_max_mean), min(vibration_z_max_min), max(vibration_z_max_max), sum(vibration_z_max_n), count(vibration_z_max_mean)
    , avg(black_globe_mean), min(black_globe_min), max(black_globe_max), sum(black_globe_n), count(black_globe_mean)
    , avg(no2_mean), min(no2_min), max(no2_max), sum(no2_n), count(no2_mean)
    , avg(co_mean), min(co_min), max(co_max), sum(co_n), count(co_mean)
    , avg(so2_mean), min(so2_min), max(so2_max), sum(so2_n), count(so2_mean)
    , avg(nh3_mean), min(nh3_min), max(nh3_max), sum(nh3_n), count(nh3_mean)
    , avg(h2s_mean), min(h2s_min), max(h2s_max), sum(h2s_n), count(h2s_mean)
    , avg(o3_mean), min(o3_min), max(o3_max), sum(o3_n), count(o3_mean)
    , avg(visitors_mean), min(visitors_min), max(visitors_max), sum(visitors_n), sum(visitors_sum), count(visitors_mean)
    , direction(avg(wind_direction_east), avg(wind_direction_north)), sum(wind_direction_n), avg(wind_direction_east), avg(wind_direction_north), count(wind_direction_east)
    , direction(avg(gust_direction_east), avg(gust_direction_north)), sum(gust_direction_n), avg(gust_direction_east), avg(gust_direction_north), count(gust_direction_east)
FROM (SELECT DISTINCT district_id, hour FROM changed_once) AS c
CROSS JOIN LATERAL (
    SELECT * FROM sensor_hour AS x
    WHERE x.bucket = c.hour AND x.district_id = c.district_id AND x.bucket >= %(hour_low)s AND x.bucket < %(hour_high)s
    OFFSET 0
) AS s
GROUP BY s.district_id, s.bucket
ORDER BY s.bucket, s.district_id
ON CONFLICT DO NOTHING;

-- step: drop_district_day
-- Out with the old.
DELETE FROM district_day AS d
USING (SELECT DISTINCT district_id, date_trunc('day', hour, %(zone)s) AS day FROM changed_once) AS c
WHERE d.district_id = c.district_id AND d.bucket = c.day AND d.bucket >= %(day_low)s AND d.bucket < %(day_high)s
    AND d.imported IS NULL;

-- step: fill_district_day
-- Of each sensor the day's mean out of its hours, then the mean of these.
INSERT INTO district_day (district_id, bucket
    , pm25_mean, pm25_min, pm25_max, pm25_n, pm25_sensors
    , pm10_mean, pm10_min, pm10_max, pm10_n, pm10_sensors
    , pm25_corrected_mean, pm25_corrected_min, pm25_corrected_max, pm25_corrected_n, pm25_corrected_sensors
    , pm10_corrected_mean, pm10_corrected_min, pm10_corrected_max, pm10_corrected_n, pm10_corrected_sensors
    , temperature_mean, temperature_min, temperature_max, temperature_n, temperature_sensors
    , humidity_mean, humidity_min, humidity_max, humidity_n, humidity_sensors
    , wind_speed_mean, wind_speed_min, wind_speed_max, wind_speed_n, wind_speed_sensors
    , gust_speed_mean, gust_speed_min, gust_speed_max, gust_speed_n, gust_speed_sensors
    , illuminance_mean, illuminance_min, illuminance_max, illuminance_n, illuminance_sensors
    , uv_mean, uv_min, uv_max, uv_n, uv_sensors
    , noise_mean, noise_min, noise_max, noise_n, noise_sensors
    , vibration_x_mean, vibration_x_min, vibration_x_max, vibration_x_n, vibration_x_sensors
    , vibration_y_mean, vibration_y_min, vibration_y_max, vibration_y_n, vibration_y_sensors
    , vibration_z_mean, vibration_z_min, vibration_z_max, vibration_z_n, vibration_z_sensors
    , vibration_x_max_mean, vibration_x_max_min, vibration_x_max_max, vibration_x_max_n, vibration_x_max_sensors
    , vibration_y_max_mean, vibration_y_max_min, vibration_y_max_max, vibration_y_max_n, vibration_y_max_sensors
    , vibration_z_max_mean, vibration_z_max_min, vibration_z_max_max, vibration_z_max_n, vibration_z_max_sensors
    , black_globe_mean, black_globe_min, black_globe_max, black_globe_n, black_globe_sensors
    , no2_mean, no2_min, no2_max, no2_n, no2_sensors
    , co_mean, co_min, co_max, co_n, co_sensors
    , so2_mean, so2_min, so2_max, so2_n, so2_sensors
    , nh3_mean, nh3_min, nh3_max, nh3_n, nh3_sensors
    , h2s_mean, h2s_min, h2s_max, h2s_n, h2s_sensors
    , o3_mean, o3_min, o3_max, o3_n, o3_sensors
    , visitors_mean, visitors_min, visitors_max, visitors_n, visitors_sum, visitors_sensors
    , wind_direction_mean, wind_direction_n, wind_direction_east, wind_direction_north, wind_direction_sensors
    , gust_direction_mean, gust_direction_n, gust_direction_east, gust_direction_north, gust_direction_sensors
)
SELECT district_id, day
    , avg(pm25_mean), min(pm25_min), max(pm25_max), sum(pm25_n), count(pm25_mean)
    , avg(pm10_mean), min(pm10_min), max(pm10_max), sum(pm10_n), count(pm10_mean)
    , avg(pm25_corrected_mean), min(pm25_corrected_min), max(pm25_corrected_max), sum(pm25_corrected_n), count(pm25_corrected_mean)
    , avg(pm10_corrected_mean), min(pm10_corrected_min), max(pm10_corrected_max), sum(pm10_corrected_n), count(pm10_corrected_mean)
    , avg(temperature_mean), min(temperature_min), max(temperature_max), sum(temperature_n), count(temperature_mean)
    , avg(humidity_mean), min(humidity_min), max(humidity_max), sum(humidity_n), count(humidity_mean)
    , avg(wind_speed_mean), min(wind_speed_min), max(wind_speed_max), sum(wind_speed_n), count(wind_speed_mean)
    , avg(gust_speed_mean), min(gust_speed_min), max(gust_speed_max), sum(gust_speed_n), count(gust_speed_mean)
    , avg(illuminance_mean), min(illuminance_min), max(illuminance_max), sum(illuminance_n), count(illuminance_mean)
    , avg(uv_mean), min(uv_min), max(uv_max), sum(uv_n), count(uv_mean)
    , avg(noise_mean), min(noise_min), max(noise_max), sum(noise_n), count(noise_mean)
    , avg(vibration_x_mean), min(vibration_x_min), max(vibration_x_max), sum(vibration_x_n), count(vibration_x_mean)
    , avg(vibration_y_mean), min(vibration_y_min), max(vibration_y_max), sum(vibration_y_n), count(vibration_y_mean)
    , avg(vibration_z_mean), min(vibration_z_min), max(vibration_z_max), sum(vibration_z_n), count(vibration_z_mean)
    , avg(vibration_x_max_mean), min(vibration_x_max_min), max(vibration_x_max_max), sum(vibration_x_max_n), count(vibration_x_max_mean)
    , avg(vibration_y_max_mean), min(vibration_y_max_min), max(vibration_y_max_max), sum(vibration_y_max_n), count(vibration_y_max_mean)
    , avg(vibration_z_max_mean), min(vibration_z_max_min), max(vibration_z_max_max), sum(vibration_z_max_n), count(vibration_z_max_mean)
    , avg(black_globe_mean), min(black_globe_min), max(black_globe_max), sum(black_globe_n), count(black_globe_mean)
    , avg(no2_mean), min(no2_min), max(no2_max), sum(no2_n), count(no2_mean)
    , avg(co_mean), min(co_min), max(co_max), sum(co_n), count(co_mean)
    , avg(so2_mean), min(so2_min), max(so2_max), sum(so2_n), count(so2_mean)
    , avg(nh3_mean), min(nh3_min), max(nh3_max), sum(nh3_n), count(nh3_mean)
    , avg(h2s_mean), min(h2s_min), max(h2s_max), sum(h2s_n), count(h2s_mean)
    , avg(o3_mean), min(o3_min), max(o3_max), sum(o3_n), count(o3_mean)
    , avg(visitors_mean), min(visitors_min), max(visitors_max), sum(visitors_n), sum(visitors_sum), count(visitors_mean)
    , direction(avg(wind_direction_east), avg(wind_direction_north)), sum(wind_direction_n), avg(wind_direction_east), avg(wind_direction_north), count(wind_direction_east)
    , direction(avg(gust_direction_east), avg(gust_direction_north)), sum(gust_direction_n), avg(gust_direction_east), avg(gust_direction_north), count(gust_direction_east)
FROM (
    SELECT c.district_id, c.day, s.sensor_id
        , sum(pm25_mean * pm25_n) / nullif(sum(pm25_n), 0) AS pm25_mean, min(pm25_min) AS pm25_min, max(pm25_max) AS pm25_max, sum(pm25_n) AS pm25_n
        , sum(pm10_mean * pm10_n) / nullif(sum(pm10_n), 0) AS pm10_mean, min(pm10_min) AS pm10_min, max(pm10_max) AS pm10_max, sum(pm10_n) AS pm10_n
        , sum(pm25_corrected_mean * pm25_corrected_n) / nullif(sum(pm25_corrected_n), 0) AS pm25_corrected_mean, min(pm25_corrected_min) AS pm25_corrected_min, max(pm25_corrected_max) AS pm25_corrected_max, sum(pm25_corrected_n) AS pm25_corrected_n
        , sum(pm10_corrected_mean * pm10_corrected_n) / nullif(sum(pm10_corrected_n), 0) AS pm10_corrected_mean, min(pm10_corrected_min) AS pm10_corrected_min, max(pm10_corrected_max) AS pm10_corrected_max, sum(pm10_corrected_n) AS pm10_corrected_n
        , sum(temperature_mean * temperature_n) / nullif(sum(temperature_n), 0) AS temperature_mean, min(temperature_min) AS temperature_min, max(temperature_max) AS temperature_max, sum(temperature_n) AS temperature_n
        , sum(humidity_mean * humidity_n) / nullif(sum(humidity_n), 0) AS humidity_mean, min(humidity_min) AS humidity_min, max(humidity_max) AS humidity_max, sum(humidity_n) AS humidity_n
        , sum(wind_speed_mean * wind_speed_n) / nullif(sum(wind_speed_n), 0) AS wind_speed_mean, min(wind_speed_min) AS wind_speed_min, max(wind_speed_max) AS wind_speed_max, sum(wind_speed_n) AS wind_speed_n
        , sum(gust_speed_mean * gust_speed_n) / nullif(sum(gust_speed_n), 0) AS gust_speed_mean, min(gust_speed_min) AS gust_speed_min, max(gust_speed_max) AS gust_speed_max, sum(gust_speed_n) AS gust_speed_n
        , sum(illuminance_mean * illuminance_n) / nullif(sum(illuminance_n), 0) AS illuminance_mean, min(illuminance_min) AS illuminance_min, max(illuminance_max) AS illuminance_max, sum(illuminance_n) AS illuminance_n
        , sum(uv_mean * uv_n) / nullif(sum(uv_n), 0) AS uv_mean, min(uv_min) AS uv_min, max(uv_max) AS uv_max, sum(uv_n) AS uv_n
        , sum(noise_mean * noise_n) / nullif(sum(noise_n), 0) AS noise_mean, min(noise_min) AS noise_min, max(noise_max) AS noise_max, sum(noise_n) AS noise_n
        , sum(vibration_x_mean * vibration_x_n) / nullif(sum(vibration_x_n), 0) AS vibration_x_mean, min(vibration_x_min) AS vibration_x_min, max(vibration_x_max) AS vibration_x_max, sum(vibration_x_n) AS vibration_x_n
        , sum(vibration_y_mean * vibration_y_n) / nullif(sum(vibration_y_n), 0) AS vibration_y_mean, min(vibration_y_min) AS vibration_y_min, max(vibration_y_max) AS vibration_y_max, sum(vibration_y_n) AS vibration_y_n
        , sum(vibration_z_mean * vibration_z_n) / nullif(sum(vibration_z_n), 0) AS vibration_z_mean, min(vibration_z_min) AS vibration_z_min, max(vibration_z_max) AS vibration_z_max, sum(vibration_z_n) AS vibration_z_n
        , sum(vibration_x_max_mean * vibration_x_max_n) / nullif(sum(vibration_x_max_n), 0) AS vibration_x_max_mean, min(vibration_x_max_min) AS vibration_x_max_min, max(vibration_x_max_max) AS vibration_x_max_max, sum(vibration_x_max_n) AS vibration_x_max_n
        , sum(vibration_y_max_mean * vibration_y_max_n) / nullif(sum(vibration_y_max_n), 0) AS vibration_y_max_mean, min(vibration_y_max_min) AS vibration_y_max_min, max(vibration_y_max_max) AS vibration_y_max_max, sum(vibration_y_max_n) AS vibration_y_max_n
        , sum(vibration_z_max_mean * vibration_z_max_n) / nullif(sum(vibration_z_max_n), 0) AS vibration_z_max_mean, min(vibration_z_max_min) AS vibration_z_max_min, max(vibration_z_max_max) AS vibration_z_max_max, sum(vibration_z_max_n) AS vibration_z_max_n
        , sum(black_globe_mean * black_globe_n) / nullif(sum(black_globe_n), 0) AS black_globe_mean, min(black_globe_min) AS black_globe_min, max(black_globe_max) AS black_globe_max, sum(black_globe_n) AS black_globe_n
        , sum(no2_mean * no2_n) / nullif(sum(no2_n), 0) AS no2_mean, min(no2_min) AS no2_min, max(no2_max) AS no2_max, sum(no2_n) AS no2_n
        , sum(co_mean * co_n) / nullif(sum(co_n), 0) AS co_mean, min(co_min) AS co_min, max(co_max) AS co_max, sum(co_n) AS co_n
        , sum(so2_mean * so2_n) / nullif(sum(so2_n), 0) AS so2_mean, min(so2_min) AS so2_min, max(so2_max) AS so2_max, sum(so2_n) AS so2_n
        , sum(nh3_mean * nh3_n) / nullif(sum(nh3_n), 0) AS nh3_mean, min(nh3_min) AS nh3_min, max(nh3_max) AS nh3_max, sum(nh3_n) AS nh3_n
        , sum(h2s_mean * h2s_n) / nullif(sum(h2s_n), 0) AS h2s_mean, min(h2s_min) AS h2s_min, max(h2s_max) AS h2s_max, sum(h2s_n) AS h2s_n
        , sum(o3_mean * o3_n) / nullif(sum(o3_n), 0) AS o3_mean, min(o3_min) AS o3_min, max(o3_max) AS o3_max, sum(o3_n) AS o3_n
        , sum(visitors_mean * visitors_n) / nullif(sum(visitors_n), 0) AS visitors_mean, min(visitors_min) AS visitors_min, max(visitors_max) AS visitors_max, sum(visitors_n) AS visitors_n, sum(visitors_sum) AS visitors_sum
        , sum(wind_direction_east * wind_direction_n) / nullif(sum(wind_direction_n), 0) AS wind_direction_east, sum(wind_direction_north * wind_direction_n) / nullif(sum(wind_direction_n), 0) AS wind_direction_north, sum(wind_direction_n) AS wind_direction_n
        , sum(gust_direction_east * gust_direction_n) / nullif(sum(gust_direction_n), 0) AS gust_direction_east, sum(gust_direction_north * gust_direction_n) / nullif(sum(gust_direction_n), 0) AS gust_direction_north, sum(gust_direction_n) AS gust_direction_n
    FROM (SELECT DISTINCT district_id, date_trunc('day', hour, %(zone)s) AS day FROM changed_once) AS c
    -- the next local midnight: a day may have 23 or 25 hours
    JOIN sensor_hour AS s ON s.district_id = c.district_id AND s.bucket >= c.day
        AND s.bucket < date_trunc('day', c.day + interval '30 hours', %(zone)s)
    WHERE s.bucket >= %(day_low)s AND s.bucket < %(day_high)s
    GROUP BY c.district_id, c.day, s.sensor_id
) AS sensor_day
GROUP BY district_id, day
ORDER BY day, district_id
ON CONFLICT DO NOTHING;
