-- Written by slipring from the schema `MessageEvent`. For SQLite, PostgreSQL and DuckDB.
-- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;
-- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.
CREATE TABLE "MessageEvent" (
    "_sequence" BIGINT PRIMARY KEY,
    "_time" BIGINT NOT NULL, -- Journal time, nanoseconds since 1970-01-01T00:00:00Z.
    "_epoch" INTEGER NOT NULL,
    "_variant" TEXT NOT NULL,
    "Add.ts" BIGINT, -- Counts nanoseconds since 1970-01-01T00:00:00Z.
    "Add.order" NUMERIC(20, 0),
    "Add.price" NUMERIC(20, 2), -- Decimal, 2 digits behind the point.
    "Cancel.ts" BIGINT, -- Counts nanoseconds since 1970-01-01T00:00:00Z.
    "Cancel.order" NUMERIC(20, 0),
    "Cancel.why" TEXT, -- One of: 0 user, 1 market.
    "Tick.0" NUMERIC(20, 9), -- Decimal, 9 digits behind the point. Unit: USD.
    "Stop-all.0" TEXT,
    "Levels.0[0].px" BIGINT,
    "Levels.0[0].qty" BIGINT,
    "Levels.0[1].px" BIGINT,
    "Levels.0[1].qty" BIGINT,
    "Levels.0[2].px" BIGINT,
    "Levels.0[2].qty" BIGINT,
    "Inner._variant" TEXT,
    "Inner.Small.0" SMALLINT,
    "Inner.Big.id" TEXT
);
