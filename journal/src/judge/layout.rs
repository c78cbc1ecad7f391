//! How records lie in a segment, and as events of what type: whether one segment may come behind another.

use crate::event::Schema;
use crate::format::SegmentHeader;

/// What the segments of a run have in common, once for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) record_bytes: u32,
    pub(crate) event_bytes: u32,
    /// The version of the event type: a later one may be laid out otherwise.
    pub(crate) event_version: u32,
    pub(crate) schema: String,
}

impl Layout {
    pub(crate) fn of(header: &SegmentHeader) -> Self {
        let SegmentHeader { record_bytes, event_bytes, event_version, ref schema, .. } = *header;
        Layout { record_bytes, event_bytes, event_version, schema: schema.clone() }
    }

    /// Whether a segment of this layout may come behind one of `before`: it is of a newer version, or says
    /// other things of the same bytes.
    pub(crate) fn may_follow(&self, before: &Layout) -> bool {
        self.event_version > before.event_version || self.is_same_type(before)
    }

    /// Whether both are of one version of one type, whatever they say of it.
    pub(crate) fn is_same_type(&self, other: &Layout) -> bool {
        self == other || self.event_version == other.event_version && self.lies_as(other)
    }

    /// What the events are; `None` if nobody can have written that.
    pub(crate) fn events(&self) -> Option<Schema> {
        Schema::from_text(&self.schema).filter(|events| events.size == self.event_bytes as usize)
    }

    fn lies_as(&self, other: &Layout) -> bool {
        self.record_bytes == other.record_bytes
            && matches!((self.events(), other.events()), (Some(one), Some(other)) if one.same_layout(&other))
    }
}
