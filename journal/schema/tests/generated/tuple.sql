-- Written by slipring from the schema `Pair`. For SQLite, PostgreSQL and DuckDB.
-- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;
-- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.
CREATE TABLE "Pair" (
    "_sequence" BIGINT PRIMARY KEY,
    "_time" BIGINT NOT NULL, -- Journal time, nanoseconds since 1970-01-01T00:00:00Z.
    "_epoch" INTEGER NOT NULL,
    "0" BIGINT NOT NULL, -- Counts microseconds since 1970-01-01T00:00:00Z.
    "1" TEXT NOT NULL
);
