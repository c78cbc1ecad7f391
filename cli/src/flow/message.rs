//! The event of the command's journals: one LOBSTER message, complete down to how it was printed, so that
//! replay gives back the file byte for byte.

use slipring_journal::Event;

/// Nanoseconds of a day.
pub const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// One message of an order book: 48 bytes, so a record takes 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[event(time = "time_ns")]
#[repr(C)]
pub struct OrderMessage {
    /// When it happened, nanoseconds since 1970 (UTC): the date of the recording and the message's time of
    /// day.
    #[event(time)]
    pub time_ns: u64,
    /// The order that it is about; 0 for hidden ones.
    pub order_id: i64,
    /// Dollars times 10,000. In a halt (type 7): -1 halted, 0 quotes resume, 1 trading resumes.
    #[event(decimal = 4, unit = "USD")]
    pub price: i64,
    /// Its line in the input, from 1.
    pub line: u64,
    /// Shares.
    #[event(unit = "shares")]
    pub size: u32,
    /// LOBSTER's message type, 1 to 7: see [`Kind`].
    #[event(names(add = 1, reduce = 2, delete = 3, execute = 4, execute_hidden = 5, cross = 6, halt = 7))]
    pub kind: u8,
    /// 1 for a buy limit order, -1 for a sell limit order.
    #[event(names(buy = 1, sell = -1))]
    pub direction: i8,
    /// How many decimals its time was printed with, 0 to 9.
    pub time_decimals: u8,
    /// What ended its line: see [`LineEnd`].
    pub line_end: u8,
    /// The instrument, filled up with zeros; all zero if not known.
    #[event(text)]
    pub symbol: [u8; 8],
}

impl OrderMessage {
    /// The message's type; `None` if no LOBSTER type has that number.
    #[inline]
    pub fn kind(&self) -> Option<Kind> {
        Some(match self.kind {
            1 => Kind::Add,
            2 => Kind::Reduce,
            3 => Kind::Delete,
            4 => Kind::Execute,
            5 => Kind::ExecuteHidden,
            6 => Kind::Cross,
            7 => Kind::Halt,
            _ => return None,
        })
    }

    /// The side of the limit order; `None` if the direction is neither 1 nor -1.
    #[inline]
    pub fn side(&self) -> Option<Side> {
        match self.direction {
            1 => Some(Side::Buy),
            -1 => Some(Side::Sell),
            _ => None,
        }
    }

    /// Nanoseconds after midnight (UTC).
    pub fn time_of_day_ns(&self) -> u64 {
        self.time_ns % DAY_NS
    }

    /// The instrument's name; empty if not known.
    pub fn symbol(&self) -> String {
        let used = self.symbol.iter().position(|byte| *byte == 0).unwrap_or(self.symbol.len());
        String::from_utf8_lossy(&self.symbol[..used]).into_owned()
    }
}

const _: () = assert!(size_of::<OrderMessage>() == 48, "a record of one message takes 64 bytes");

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A new limit order.
    Add = 1,
    /// Part of an order is cancelled.
    Reduce = 2,
    /// An order is deleted.
    Delete = 3,
    /// A visible order trades.
    Execute = 4,
    /// A hidden order trades.
    ExecuteHidden = 5,
    /// An auction.
    Cross = 6,
    /// Trading halts or resumes.
    Halt = 7,
}

/// The side of the book that an order rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Bids.
    Buy,
    /// Asks.
    Sell,
}

impl Side {
    /// The other side.
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// As commands carry it: 0 is no side, as in a slot that nobody filled in.
    pub fn number(self) -> u32 {
        match self {
            Side::Buy => 1,
            Side::Sell => 2,
        }
    }

    /// The side of a command's number.
    pub fn of(number: u32) -> Option<Side> {
        match number {
            1 => Some(Side::Buy),
            2 => Some(Side::Sell),
            _ => None,
        }
    }

    /// As LOBSTER writes it.
    pub fn direction(self) -> i8 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

/// What ended a message's line in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LineEnd {
    /// A newline.
    Newline = 0,
    /// Carriage return and newline.
    CarriageReturn = 1,
    /// The end of the file; only the last line's.
    EndOfFile = 2,
}

impl LineEnd {
    /// The bytes that it stands for.
    pub fn bytes(number: u8) -> &'static [u8] {
        match number {
            1 => b"\r\n",
            2 => b"",
            _ => b"\n",
        }
    }
}
