//! Writing a snapshot beside the log that goes on.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write as _},
};

use crate::store::packed::Packed;

use super::{
    file::{Directory, header},
    record::Record,
};

/// All that is kept at one version.
#[derive(Debug)]
pub(in crate::store) struct Snapshot {
    pub(in crate::store) objects: Vec<Packed>,
    pub(in crate::store) version: u64,
}

impl Snapshot {
    /// Writes the snapshot from which log `generation` goes on, and removes what came before. Until the file has its name
    /// it does not count, so that a crash at any point loses nothing. Answers with its size.
    pub(super) fn write(self, directory: &Directory, generation: u64) -> io::Result<u64> {
        let path = directory.snapshot(generation);
        let unfinished = path.with_extension("tmp");
        let mut file = BufWriter::new(File::create(&unfinished)?);
        file.write_all(&header())?;
        let mut buffer = Vec::new();
        let records = self.objects.into_iter().map(Record::Put);
        for record in records.chain([Record::End(self.version)]) {
            buffer.clear();
            record.frame(&mut buffer)?;
            file.write_all(&buffer)?;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let size = file.metadata()?.len();
        fs::rename(&unfinished, &path)?;
        directory.sync()?;
        directory.remove_before(generation)?;
        Ok(size)
    }
}
