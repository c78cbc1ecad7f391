//! Making the file of a segment: all its space, its header, its name, each on disk before the next.

use super::segments::{LiveSegment, Ready};
use crate::error::IoFault;
use crate::format::{SegmentHeader, TEMPORARY, segment_name};
use crate::judge::chain::{self, OpenSegment};
use crate::storage::{Storage, StorageFile};
use crate::tools::{FOLIO_BYTES, clock, protect};

/// The file of a segment that nobody has mapped yet: all its space, its header, its name.
#[derive(Debug)]
pub(crate) struct NewFile<S: Storage> {
    header: SegmentHeader,
    file: S::File,
    /// Up to where its zeros are in the page cache, from the first whole folio on; all of it, if they can't
    /// be.
    zeros_end: u64,
    /// More of them are to come before it is mapped, if there is time.
    pub(crate) awaits_zeros: bool,
}

impl<S: Storage> NewFile<S> {
    /// Makes it, under a temporary name until all of it is on disk: a segment with its own name always has a
    /// header and all its space.
    pub(crate) fn make(storage: &S, template: &SegmentHeader, base: u64) -> Result<Self, IoFault> {
        let header = SegmentHeader { base, created_ns: clock::now_ns(), ..template.clone() };
        let name = segment_name(base);
        let temporary = format!("{name}{TEMPORARY}");
        let fault = |operation| {
            let path = storage.path(&temporary);
            move |error| IoFault::new(operation, path, error)
        };
        let file = match storage.create(&temporary) {
            // Left over from an attempt that found the disk full.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                storage.remove(&temporary).map_err(fault("remove"))?;
                storage.create(&temporary)
            }
            created => created,
        }
        .map_err(fault("create"))?;
        let fill = || -> Result<(), IoFault> {
            file.allocate(header.file_bytes()).map_err(fault("allocate"))?;
            for (at, bytes) in header.encode() {
                file.write_at(&bytes, at).map_err(fault("write the header of"))?;
            }
            if protect::on(protect::HEADER_SYNC) {
                file.sync().map_err(fault("sync"))?;
            }
            let renamed = match storage.rename(&temporary, &name) {
                Err(error)
                    if error.kind() == std::io::ErrorKind::AlreadyExists
                        && is_left_over(storage, &name, &header) =>
                {
                    storage.remove(&name).map_err(fault("remove what is in the way of"))?;
                    storage.rename(&temporary, &name)
                }
                renamed => renamed,
            };
            renamed.map_err(fault("rename"))
        };
        // Where it fails, the space is given back; the file is nobody's.
        fill().inspect_err(|_| drop(storage.remove(&temporary)))?;
        if protect::on(protect::FOLDER_SYNC) {
            storage.sync_folder().map_err(|error| {
                // By its own name now, where the next attempt would find it in its way. That one makes a new
                // file, so what its sync of the folder has to write is new too.
                let _ = storage.remove(&name);
                IoFault::new("sync folder", storage.path(""), error)
            })?;
        }
        let zeros_end = header.records_at().next_multiple_of(FOLIO_BYTES).min(header.file_bytes());
        Ok(NewFile { header, file, zeros_end, awaits_zeros: false })
    }

    pub(crate) fn remove(self, storage: &S) {
        let _ = storage.remove(&segment_name(self.header.base));
    }

    pub(crate) fn base(&self) -> u64 {
        self.header.base
    }

    /// How many records have room in it.
    pub(crate) fn capacity(&self) -> u64 {
        self.header.capacity
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.header.file_bytes()
    }

    /// Up to where its zeros are in the page cache.
    pub(crate) fn zeros_end(&self) -> u64 {
        self.zeros_end
    }

    /// Has the page cache hold so many bytes more of its zeros, in folios of `folio_bytes`; whether it does.
    pub(crate) fn cache_zeros(&mut self, bytes: u64, folio_bytes: u64) -> bool {
        let end = (self.zeros_end + bytes).min(self.file_bytes());
        let done = self.zeros_end < end && self.file.cache_zeros(self.zeros_end..end, folio_bytes);
        self.zeros_end = if done { end } else { self.file_bytes() };
        done
    }

    /// Maps it.
    pub(crate) fn map(self, storage: &S) -> Result<Ready<S>, IoFault> {
        let NewFile { header, file, .. } = self;
        let name = segment_name(header.base);
        LiveSegment::map(storage, OpenSegment { name, slots: header.slots(), file })
    }
}

/// Whether this life made the file and could not keep it: the disk was full at the sync of its folder, and
/// then for its removal too, which some file systems need space for. The epoch is of this life alone, so it
/// is nobody else's, and nothing was ever written to it. (A replica's lives share epochs. But recovery leaves
/// no segment at or behind the end, so what lies there then was made since.)
fn is_left_over<S: Storage>(storage: &S, name: &str, wanted: &SegmentHeader) -> bool {
    let Ok(file) = storage.open(name, false) else { return false };
    chain::read_header(&file, &storage.path(name)).is_ok_and(|(found, _)| {
        (found.journal_id, found.base, found.epoch) == (wanted.journal_id, wanted.base, wanted.epoch)
    })
}
