-- Written by slipring from the schema `tick-v2`. For SQLite, PostgreSQL and DuckDB.
-- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;
-- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.
CREATE TABLE "tick-v2" (
    "_sequence" BIGINT PRIMARY KEY,
    "_time" BIGINT NOT NULL, -- Journal time, nanoseconds since 1970-01-01T00:00:00Z.
    "_epoch" INTEGER NOT NULL,
    "kind" SMALLINT NOT NULL,
    "price" BIGINT NOT NULL,
    "leg.a" SMALLINT NOT NULL,
    "leg.b" BIGINT NOT NULL
);
