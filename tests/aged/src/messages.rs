//! A one-of event whose versions are mapped: a variant and a field with another name, wider numbers, another
//! order of tags, fields more, a variant more.

use slipring_journal::Event;

use crate::Aged;

/// Version 1.
pub mod v1 {
    use slipring_journal::Event;

    /// An order comes.
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    pub struct Add {
        pub(super) id: u32,
        pub(super) by: u32,
        pub(super) px: i32,
        pub(super) size: u32,
    }

    /// An order goes.
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    pub struct Cancel {
        pub(super) id: u32,
        pub(super) by: u32,
    }

    /// One of them.
    #[derive(Clone, Copy, Debug, Event)]
    #[event(version = 1)]
    #[repr(u32)]
    pub enum Message {
        /// An order comes.
        Add(Add) = 1,
        /// An order goes.
        Cancel(Cancel) = 2,
    }
}

/// Version 2: other names and tags, wider numbers.
pub mod v2 {
    use slipring_journal::Event;

    /// An order comes.
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    pub struct Insert {
        pub(super) id: u64,
        #[event(was = "px")]
        pub(super) price: i64,
        pub(super) size: u32,
        pub(super) by: u32,
    }

    /// An order goes.
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    pub struct Cancel {
        pub(super) id: u64,
        pub(super) by: u64,
    }

    /// One of them.
    #[derive(Clone, Copy, Debug, Event)]
    #[event(version = 2)]
    #[repr(u32)]
    pub enum Message {
        /// An order goes.
        Cancel(Cancel) = 1,
        /// An order comes.
        #[event(was = "Add")]
        Insert(Insert) = 2,
    }
}

/// An order comes.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Insert {
    id: u64,
    #[event(was = "limit, px")]
    price: i64,
    size: u64,
    #[event(since = 3, default = 7)]
    venue: u32,
    by: u32,
}

/// An order goes.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Cancel {
    by: u64,
    id: u64,
    #[event(since = 3)]
    reason: u64,
}

/// Nothing happens.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Beat {
    id: u64,
    by: u64,
}

/// One of them: version 3.
#[derive(Clone, Copy, Debug, Event)]
#[event(version = 3)]
#[repr(u32)]
pub enum Message {
    /// Nothing happens.
    Beat(Beat) = 1,
    /// An order goes.
    Cancel(Cancel) = 2,
    /// An order comes.
    #[event(was = "Add")]
    Insert(Insert) = 3,
}

fn is_cancel(id: u64) -> bool {
    id % 3 == 0
}

/// Only version 3 has them.
fn is_beat(id: u64, by: u32) -> bool {
    by >= 3 && id % 5 == 1
}

fn price(id: u64) -> i32 {
    -40 + (id % 1_000) as i32
}

fn size(id: u64) -> u32 {
    1 + (id % 9) as u32
}

impl Aged for v1::MessageEvent {
    const SCALE: i64 = 1;
    const FIRST_SCALE: i64 = 1;

    fn seen(id: u64, by: u32) -> Self {
        let number = id as u32;
        let message = match is_cancel(id) {
            true => v1::Message::Cancel(v1::Cancel { id: number, by }),
            false => v1::Message::Add(v1::Add { id: number, by, px: price(id), size: size(id) }),
        };
        message.into()
    }

    fn id_and_by(&self) -> (u64, u32) {
        match v1::Message::try_from(*self).expect("a known tag") {
            v1::Message::Add(add) => (add.id.into(), add.by),
            v1::Message::Cancel(cancel) => (cancel.id.into(), cancel.by),
        }
    }

    fn weight(&self) -> i64 {
        match v1::Message::try_from(*self).expect("a known tag") {
            v1::Message::Add(add) => i64::from(add.px) * i64::from(add.size),
            v1::Message::Cancel(_) => -1,
        }
    }
}

impl Aged for v2::MessageEvent {
    const SCALE: i64 = 1;
    const FIRST_SCALE: i64 = 1;

    fn seen(id: u64, by: u32) -> Self {
        let message = match is_cancel(id) {
            true => v2::Message::Cancel(v2::Cancel { id, by: by.into() }),
            false => v2::Message::Insert(v2::Insert { id, price: price(id).into(), size: size(id), by }),
        };
        message.into()
    }

    fn id_and_by(&self) -> (u64, u32) {
        match v2::Message::try_from(*self).expect("a known tag") {
            v2::Message::Insert(insert) => (insert.id, insert.by),
            v2::Message::Cancel(cancel) => (cancel.id, cancel.by as u32),
        }
    }

    fn weight(&self) -> i64 {
        match v2::Message::try_from(*self).expect("a known tag") {
            v2::Message::Insert(insert) => insert.price * i64::from(insert.size),
            v2::Message::Cancel(_) => -1,
        }
    }
}

impl Aged for MessageEvent {
    const SCALE: i64 = 1;
    const FIRST_SCALE: i64 = 1;

    fn seen(id: u64, by: u32) -> Self {
        let (venue, reason) = if by < 3 { (7, 0) } else { (8 + (id % 4) as u32, id % 6) };
        let message = if is_beat(id, by) {
            Message::Beat(Beat { id, by: by.into() })
        } else if is_cancel(id) {
            Message::Cancel(Cancel { by: by.into(), id, reason })
        } else {
            Message::Insert(Insert { id, price: price(id).into(), size: size(id).into(), venue, by })
        };
        message.into()
    }

    fn id_and_by(&self) -> (u64, u32) {
        match Message::try_from(*self).expect("a known tag") {
            Message::Beat(beat) => (beat.id, beat.by as u32),
            Message::Insert(insert) => (insert.id, insert.by),
            Message::Cancel(cancel) => (cancel.id, cancel.by as u32),
        }
    }

    fn weight(&self) -> i64 {
        match Message::try_from(*self).expect("a known tag") {
            Message::Beat(_) => 0,
            Message::Insert(insert) => insert.price * insert.size as i64 + i64::from(insert.venue - 7),
            Message::Cancel(cancel) => -1 - cancel.reason as i64,
        }
    }
}
