-- Written by slipring from the schema `Fill`. For SQLite, PostgreSQL and DuckDB.
-- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;
-- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.
CREATE TABLE "Fill" (
    "_sequence" BIGINT PRIMARY KEY,
    "_time" BIGINT NOT NULL, -- Journal time, nanoseconds since 1970-01-01T00:00:00Z.
    "_epoch" INTEGER NOT NULL,
    "id" NUMERIC(20, 0) NOT NULL,
    "price" NUMERIC(20, 2) NOT NULL, -- Decimal, 2 digits behind the point.
    "legs[0].price" BIGINT NOT NULL,
    "legs[0].qty" NUMERIC(20, 0) NOT NULL,
    "legs[1].price" BIGINT NOT NULL,
    "legs[1].qty" NUMERIC(20, 0) NOT NULL,
    "last.price" BIGINT NOT NULL,
    "last.qty" NUMERIC(20, 0) NOT NULL,
    "place.venue" NUMERIC(20, 0) NOT NULL,
    "place.desk.floor" NUMERIC(20, 0) NOT NULL,
    "place.desk.seat" NUMERIC(20, 0) NOT NULL,
    "what._variant" TEXT NOT NULL,
    "what.Buy.0" NUMERIC(20, 0)
);
