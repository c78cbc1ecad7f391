//! Folders for tests. In memory, where a test is about states and orders and its records only have to survive
//! a process: no disk that is busy with others' writes holds it up. On the disk, by `tempfile::tempdir`,
//! where the disk matters.

use std::path::Path;

use rustix::fs::statvfs;
use tempfile::TempDir;

/// Less room than this is no place for journals.
const LEAST_BYTES: u64 = 1 << 30;

/// A folder in memory; on the disk where there is no memory file system with room.
///
/// # Panics
/// If there can be no folder at all.
pub fn in_memory() -> TempDir {
    let memory = "/dev/shm";
    let has_room = statvfs(memory).is_ok_and(|about| about.f_bavail * about.f_frsize >= LEAST_BYTES);
    let folder = if has_room { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    folder.expect("a temporary folder")
}

/// A copy of a folder and of all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(name)),
            false => drop(std::fs::copy(path, to.join(name)).unwrap()),
        }
    }
}
