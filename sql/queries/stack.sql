-- name: stack_role
-- The statement that makes a role with its password, or gives an existing one this password.
SELECT CASE WHEN to_regrole(%(role)s) IS NULL THEN 'CREATE ' ELSE 'ALTER ' END
    || format('ROLE %%I LOGIN PASSWORD %%L', %(role)s::text, %(password)s::text);

-- name: stack_database
-- Whether a database of this name exists.
SELECT 1 FROM pg_database WHERE datname = %(name)s;

-- name: stack_create_database
-- The embedded stack's database, owned by the role that migrates.
CREATE DATABASE sdot OWNER sdot;
