"""From the broker to the database: subscribe, decode, judge, write, account."""
