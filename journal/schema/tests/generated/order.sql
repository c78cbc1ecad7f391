-- Written by slipring from the schema `Order`. For SQLite, PostgreSQL and DuckDB.
-- Times are integers, since a TIMESTAMP does not keep nanoseconds in all of them;
-- integers of 128 bits and arrays are text. SQLite keeps at most 15 digits of a NUMERIC exactly.
CREATE TABLE "Order" (
    "_sequence" BIGINT PRIMARY KEY,
    "_time" BIGINT NOT NULL, -- Journal time, nanoseconds since 1970-01-01T00:00:00Z.
    "_epoch" INTEGER NOT NULL,
    "ts" BIGINT NOT NULL, -- Counts nanoseconds since 1970-01-01T00:00:00Z.
    "sent" BIGINT NOT NULL, -- Counts milliseconds since 1970-01-01T00:00:00Z.
    "size" NUMERIC(38, 20) NOT NULL, -- Decimal, 20 digits behind the point. Unit: BTC. Default: 0.
    "symbol" TEXT NOT NULL, -- UTF-8, filled up with zeros. In files: Ticker "symbol" * /.
    "venues" TEXT NOT NULL, -- UTF-8, filled up with zeros.
    "side" TEXT NOT NULL, -- One of: 1 buy, 2 sell short, 3 type, 4 é. Default: buy.
    "state" TEXT NOT NULL, -- One of: -9223372036854775808 low, 0 none, 9223372036854775807 high.
    "price" NUMERIC(20, 2) NOT NULL, -- Decimal, 2 digits behind the point.
    "live" BOOLEAN NOT NULL, -- 0 or 1.
    "raw" BYTEA NOT NULL,
    "type" BIGINT NOT NULL,
    "self" REAL NOT NULL,
    "bid-px" BIGINT NOT NULL,
    "bid_px" DOUBLE PRECISION NOT NULL,
    "é" INTEGER NOT NULL,
    "class" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "leg.px" NUMERIC(20, 4) NOT NULL, -- Decimal, 4 digits behind the point.
    "leg.qty" BIGINT NOT NULL,
    "legs[0][0].px" NUMERIC(20, 4) NOT NULL, -- Decimal, 4 digits behind the point.
    "legs[0][0].qty" BIGINT NOT NULL,
    "legs[1][0].px" NUMERIC(20, 4) NOT NULL, -- Decimal, 4 digits behind the point.
    "legs[1][0].qty" BIGINT NOT NULL,
    "deep.leg.px" SMALLINT NOT NULL,
    "pair.0" BIGINT NOT NULL,
    "pair.1" BIGINT NOT NULL,
    "message._variant" TEXT NOT NULL,
    "message.Tick.0" DOUBLE PRECISION
);
