//! What a directory holds when it is opened.

use std::{fs, io, path::Path};

use tracing::warn;

use super::{
    error::OpenError,
    file::{Directory, FILE_HEADER, Log, check_header},
    record::{Record, Records},
};

/// What is known from before.
#[derive(Debug, Default)]
pub(in crate::store) struct Recovered {
    /// The states of the snapshot, in no particular order.
    pub(in crate::store) snapshot: Vec<Record>,
    /// The version that the snapshot shows; 0 without one.
    pub(in crate::store) snapshot_version: u64,
    /// What happened since, in order.
    pub(in crate::store) log: Vec<Record>,
}

/// Reads everything, cuts off a torn tail and opens the log for more.
pub(super) fn recover(directory: &Directory) -> Result<(Recovered, Log), OpenError> {
    let mut recovered = Recovered::default();
    let base = directory.generations("snapshot-")?.last().copied();
    if let Some(generation) = base {
        read_snapshot(&directory.snapshot(generation), &mut recovered)?;
    }
    let logs = directory.generations("log-")?.into_iter();
    let logs: Vec<u64> = logs
        .filter(|log| base.is_none_or(|base| *log >= base))
        .collect();
    let Some((last, earlier)) = logs.split_last() else {
        let generation = base.unwrap_or(1);
        let path = directory.log(generation);
        let log = Log::create(directory, generation).map_err(OpenError::io(path))?;
        return Ok((recovered, log));
    };
    for generation in earlier {
        let path = directory.log(*generation);
        let bytes = read(&path)?;
        check_header(&path, &bytes)?;
        let end = read_log(&bytes, &mut recovered);
        if end < bytes.len() {
            let offset = end as u64;
            return Err(OpenError::Damaged { path, offset });
        }
    }
    let log = read_last(directory, *last, &mut recovered)?;
    Ok((recovered, log))
}

fn read(path: &Path) -> Result<Vec<u8>, OpenError> {
    fs::read(path).map_err(OpenError::io(path))
}

fn read_snapshot(path: &Path, recovered: &mut Recovered) -> Result<(), OpenError> {
    let bytes = read(path)?;
    check_header(path, &bytes)?;
    let mut records = Records::new(&bytes, FILE_HEADER);
    for record in &mut records {
        match record {
            Record::End(version) => recovered.snapshot_version = version,
            record => recovered.snapshot.push(record),
        }
    }
    if records.at_end() && recovered.snapshot_version > 0 {
        return Ok(());
    }
    Err(OpenError::Damaged {
        path: path.to_owned(),
        offset: records.offset() as u64,
    })
}

/// Takes in the whole records of a log and says where they end.
fn read_log(bytes: &[u8], recovered: &mut Recovered) -> usize {
    let mut records = Records::new(bytes, FILE_HEADER);
    recovered.log.extend(&mut records);
    records.offset()
}

/// Only the last log can have been cut short by a crash, within its header too.
fn read_last(
    directory: &Directory,
    generation: u64,
    recovered: &mut Recovered,
) -> Result<Log, OpenError> {
    let path = directory.log(generation);
    let bytes = read(&path)?;
    let opened: io::Result<Log> = if super::file::header().starts_with(&bytes) {
        Log::create(directory, generation)
    } else {
        check_header(&path, &bytes)?;
        let end = read_log(&bytes, recovered);
        if end < bytes.len() {
            let lost = bytes.len() - end;
            warn!(path = %path.display(), bytes = lost, "the end of the journal was torn by a crash and is cut off");
        }
        Log::resume(directory, generation, end as u64)
    };
    opened.map_err(OpenError::io(path))
}
