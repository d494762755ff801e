-- Logins of devices at the broker: one a sensor, as the hash that mosquitto keeps of its password.

CREATE TABLE credential (
    sensor_id integer PRIMARY KEY REFERENCES sensor,
    -- `$7$iterations$salt$hash` (PBKDF2 of SHA-512); the password itself is told once and kept nowhere
    hash text NOT NULL CHECK (hash LIKE '$7$%'),
    made_at timestamptz NOT NULL DEFAULT now()
);

-- What the broker's password file holds: a retired sensor has no login.
CREATE VIEW broker_login AS
SELECT s.serial, c.hash FROM credential AS c JOIN sensor AS s USING (sensor_id) WHERE s.state <> 'retired';
