//! What events are written or read as, and what is in the way of taking those of a journal so.

use std::path::Path;
use std::sync::Arc;

use crate::error::JournalFault;
use crate::event::record::Record;
use crate::event::{Difference, Event, Recount, Schema, Upgrade};
use crate::judge::chain::Chain;
use crate::judge::layout::Layout;
use crate::storage::Storage;

/// How events of `found` become events of `wanted`; what keeps them from it, if they can't.
type UpgradeFrom = fn(found: &Schema, wanted: &Schema) -> Result<Upgrade, Vec<Difference>>;

/// The type that a program has for the events of a journal.
#[derive(Clone, Debug)]
pub(crate) struct EventType {
    pub(crate) schema: Schema,
    pub(crate) record_bytes: usize,
    upgrade: UpgradeFrom,
    check_alike: fn(found: &Schema) -> Result<(), Vec<Difference>>,
    /// The events come as bytes: what they are, only the schema says.
    is_untyped: bool,
    /// The records were made elsewhere, and are stored as they are: nobody here turns one type into another.
    is_taken: bool,
}

/// How records of a layout are taken for records of a type.
#[derive(Debug)]
pub(crate) enum TakenAs {
    AsTheyLie,
    By(Upgrade),
}

impl EventType {
    pub(crate) fn of<E: Event>() -> Self {
        let upgrade: UpgradeFrom = |found, _| E::upgrade_from(found);
        let (record_bytes, check_alike) = (Record::<E>::BYTES, E::check_alike);
        EventType {
            schema: E::schema(),
            record_bytes,
            upgrade,
            check_alike,
            is_untyped: false,
            is_taken: false,
        }
    }

    /// Of events that have no type here.
    pub(crate) fn untyped(schema: Schema, record_bytes: usize) -> Self {
        EventType {
            schema,
            record_bytes,
            upgrade: Upgrade::between,
            check_alike: |_| Ok(()),
            is_untyped: true,
            is_taken: false,
        }
    }

    /// Of records that were made elsewhere: whoever made them knew how the types go together.
    pub(crate) fn as_taken(schema: Schema, record_bytes: usize) -> Self {
        EventType { is_taken: true, ..EventType::untyped(schema, record_bytes) }
    }

    /// How records of `layout` are taken for records of this type. `path` is a segment that holds such.
    pub(crate) fn take(&self, layout: &Layout, path: &Path) -> Result<TakenAs, JournalFault> {
        let Some(found) = layout.events() else {
            return Err(JournalFault::BadHeader { path: path.to_owned() });
        };
        if Upgrade::is_of_same(&found, &self.schema) {
            if let Err(differences) = (self.check_alike)(&found) {
                return Err(self.mismatch(path, found, differences));
            }
            // Beyond the event a record may be filled up further.
            let same = layout.record_bytes as usize == self.record_bytes && self.counts_as(layout);
            let upgrade = || TakenAs::By(Upgrade::of_same(&found, &self.schema));
            return Ok(if same { TakenAs::AsTheyLie } else { upgrade() });
        }
        match (self.upgrade)(&found, &self.schema) {
            Ok(upgrade) => Ok(TakenAs::By(upgrade)),
            Err(differences) => Err(self.mismatch(path, found, differences)),
        }
    }

    /// Refuses to write to a journal that holds a layout which can't be taken for this type.
    pub(crate) fn accept(&self, layout: &Arc<Layout>, path: &Path) -> Result<(), JournalFault> {
        if self.is_taken {
            return Ok(());
        }
        let taken = self.take(layout, path);
        if matches!(taken, Err(JournalFault::SchemaMismatch { .. })) {
            // That it is of a newer version says more than what is different in it.
            self.refuse(self.is_behind(std::slice::from_ref(layout)), layout, path)?;
        }
        taken.map(drop)
    }

    /// Whether records of this type lie so.
    pub(crate) fn is_of(&self, layout: &Layout) -> bool {
        layout.record_bytes as usize == self.record_bytes
            && layout.events().is_some_and(|found| found.same_layout(&self.schema))
    }

    /// Whether records of this type go on in a segment of that layout: what its header says of their numbers
    /// must be true of all of them, for a later type turns them by it.
    pub(crate) fn goes_on_in(&self, layout: &Layout) -> bool {
        if self.is_taken {
            return layout.schema == self.schema.to_text()
                && layout.record_bytes as usize == self.record_bytes;
        }
        self.is_of(layout) && (self.is_untyped || self.counts_as(layout))
    }

    /// Whether numbers of that layout mean the same in this type, of which it is, and its fields are the
    /// same.
    pub(crate) fn counts_as(&self, layout: &Layout) -> bool {
        layout.events().is_none_or(|found| {
            let is_other = found.same_layout(&self.schema) && !Upgrade::is_of_same(&found, &self.schema);
            !is_other && Recount::between(&found, &self.schema).is_none()
        })
    }

    /// Refuses to read a journal with these layouts, the oldest first, if its newest events are newer than
    /// this type.
    pub(crate) fn check_newest(&self, layouts: &[Arc<Layout>], path: &Path) -> Result<(), JournalFault> {
        match layouts.last() {
            Some(newest) if !self.is_of(newest) => self.refuse(self.is_behind(layouts), newest, path),
            _ => Ok(()),
        }
    }

    /// Refuses to write to a journal whose newest events are newer than this type.
    pub(crate) fn check_writable<S: Storage>(&self, storage: &S, chain: &Chain) -> Result<(), JournalFault> {
        let Some(last) = chain.segments.last() else { return Ok(()) };
        if self.is_taken {
            // What lies before the newest was settled where the records were made.
            let path = storage.path(&last.name());
            return self.refuse(self.is_behind(std::slice::from_ref(&last.layout)), &last.layout, &path);
        }
        let (layouts, path) = (chain.layouts(), storage.path(&last.name()));
        self.refuse(self.is_behind(&layouts).or_else(|| self.is_unsaid(&last.layout)), &last.layout, &path)
    }

    /// The version of the type in segments to come, behind those of `newest`.
    pub(crate) fn next_version(&self, newest: Option<&Layout>) -> u32 {
        let known = newest.map_or(0, |newest| newest.event_version);
        let changes = newest.is_some_and(|newest| !self.is_of(newest));
        self.schema.version().unwrap_or_else(|| known.saturating_add(u32::from(changes)))
    }

    /// Whether the journal's own words about these events stand: this type has none, or they come as bytes.
    pub(crate) fn says_nothing_of(&self, layout: &Layout) -> bool {
        let is_silent = |schema: &Schema| {
            schema.attributes.is_empty() && schema.fields.iter().all(|field| field.attributes.is_empty())
        };
        let is_same = layout.schema == self.schema.to_text();
        if self.is_taken {
            return is_same;
        }
        self.is_untyped || is_silent(&self.schema) || is_same
    }

    /// What says that this type is not newer than the newest of these layouts, nor the same.
    fn is_behind(&self, layouts: &[Arc<Layout>]) -> Option<Difference> {
        let newest = layouts.last()?;
        let (known, is_same) = (newest.event_version, self.is_of(newest));
        let greater = known.saturating_add(1);
        let advice = match self.schema.version() {
            Some(said) if said < known => {
                "this program is older than the journal: use the one that wrote to it last".to_owned()
            }
            Some(said) if said == known && !is_same => {
                format!("two types say the same version: give the newer one version = {greater}")
            }
            Some(_) => return None,
            None if is_same => return None,
            None if newest.events().is_some_and(|newest| newest.version().is_some()) => format!(
                "use the program that wrote to it last; if this type is the newer one, say so: version = {greater}"
            ),
            None if layouts.iter().any(|layout| self.is_of(layout)) => {
                "the journal has gone on from this type to another: use the program that wrote to it last"
                    .to_owned()
            }
            None if known == u32::MAX => "its versions are used up".to_owned(),
            None => return None,
        };
        Some(self.difference(newest, advice))
    }

    /// Events that come as bytes are not changed by accident: a file with a column less makes no new type.
    fn is_unsaid(&self, newest: &Layout) -> Option<Difference> {
        let changes = self.is_untyped && self.schema.version().is_none() && !self.is_of(newest);
        let greater = newest.event_version.saturating_add(1);
        let advice = format!("if the journal is to go on with these events, say so: version = {greater}");
        changes.then(|| self.difference(newest, advice))
    }

    fn difference(&self, newest: &Layout, advice: String) -> Difference {
        let found = format!("version {}", newest.event_version);
        Difference::of_event(found, self.schema.version_word(), advice)
    }

    fn refuse(
        &self,
        difference: Option<Difference>,
        newest: &Layout,
        path: &Path,
    ) -> Result<(), JournalFault> {
        let Some(difference) = difference else { return Ok(()) };
        match newest.events() {
            Some(found) => Err(self.mismatch(path, found, vec![difference])),
            None => Err(JournalFault::BadHeader { path: path.to_owned() }),
        }
    }

    pub(crate) fn mismatch(&self, path: &Path, found: Schema, differences: Vec<Difference>) -> JournalFault {
        let wanted = Box::new(self.schema.clone());
        JournalFault::SchemaMismatch { path: path.to_owned(), wanted, found: Box::new(found), differences }
    }
}
