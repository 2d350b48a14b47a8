//! The files of a layout: in a directory, in a tar, or in a gzipped tar.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Seek as _},
    path::{Component, Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use tar::{Archive, Entries, EntryType};

use super::layout::{DOCUMENT, broken};

/// What begins gzip data.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Files that are read without unpacking them anywhere.
#[derive(Debug)]
pub(super) enum Files {
    Directory(PathBuf),
    Tar(PathBuf),
    GzippedTar(PathBuf),
}

/// One of them.
pub(super) struct Entry<'a> {
    /// Relative, without `.` and `..`.
    pub(super) path: String,
    pub(super) kind: EntryType,
    /// Where a link leads.
    pub(super) link: Option<PathBuf>,
    pub(super) size: u64,
    pub(super) content: &'a mut dyn Read,
}

/// Whether there is more to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Go,
    Stop,
}

type Visit<'a> = dyn FnMut(Entry<'_>) -> io::Result<Next> + 'a;

impl Files {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // Nothing else: opening a pipe waits for a writer.
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return Ok(Self::Directory(path.canonicalize()?));
        }
        if !metadata.is_file() {
            return Err(broken("it is neither a directory nor a file"));
        }
        let mut magic = [0; GZIP.len()];
        let is_gzip = match File::open(path)?.read_exact(&mut magic) {
            Ok(()) => magic == GZIP,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        let path = path.to_owned();
        Ok(if is_gzip {
            Self::GzippedTar(path)
        } else {
            Self::Tar(path)
        })
    }

    /// Visits those of `wanted` that are there, each once, in whichever order they are cheapest to read.
    pub(super) fn each(
        &self,
        wanted: &BTreeSet<String>,
        visit: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Self::Directory(root) = self {
            return wanted
                .iter()
                .try_for_each(|path| visit_file(root, path, visit));
        }
        let mut left = wanted.clone();
        self.all(&mut |entry| {
            if left.remove(&entry.path) {
                if entry.kind != EntryType::Regular {
                    return Err(broken(format!("{} is no file", entry.path)));
                }
                visit(entry)?;
            }
            Ok(if left.is_empty() {
                Next::Stop
            } else {
                Next::Go
            })
        })
    }

    /// Visits everything in a tar, in its order.
    pub(super) fn all(&self, visit: &mut Visit<'_>) -> io::Result<()> {
        match self {
            Self::Directory(_) => Err(broken("it is no layout: oci-layout is missing")),
            Self::Tar(path) => {
                let mut file = File::open(path)?;
                // The tar reader skips by seeking, past the end too.
                let end = file.seek(io::SeekFrom::End(0))?;
                file.rewind()?;
                visit_all(Archive::new(file).entries_with_seek()?, Some(end), visit)
            }
            Self::GzippedTar(path) => {
                let plain = MultiGzDecoder::new(io::BufReader::new(File::open(path)?));
                visit_all(Archive::new(plain).entries()?, None, visit)
            }
        }
    }

    /// Reads a document, if it is there.
    pub(super) fn document(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let mut found = None;
        self.each(&BTreeSet::from([path.to_owned()]), &mut |entry| {
            if entry.size > DOCUMENT {
                return Err(broken(format!(
                    "{path} has {} bytes, more than {DOCUMENT}",
                    entry.size
                )));
            }
            let mut content = Vec::new();
            entry.content.take(entry.size).read_to_end(&mut content)?;
            found = Some(content);
            Ok(())
        })?;
        Ok(found)
    }
}

fn visit_file(
    root: &Path,
    path: &str,
    visit: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let real = match root.join(path).canonicalize() {
        Ok(real) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !real.starts_with(root) {
        return Err(broken(format!("{path} leads out of the layout")));
    }
    let metadata = fs::metadata(&real)?;
    if !metadata.is_file() {
        return Err(broken(format!("{path} is no file")));
    }
    visit(Entry {
        path: path.to_owned(),
        kind: EntryType::Regular,
        link: None,
        size: metadata.len(),
        content: &mut File::open(real)?,
    })
}

fn visit_all<R: Read>(
    entries: Entries<'_, R>,
    end: Option<u64>,
    visit: &mut Visit<'_>,
) -> io::Result<()> {
    for entry in entries {
        let mut entry = entry?;
        let Some(path) = within(&entry.path()?)? else {
            continue;
        };
        let size = entry.size();
        if end.is_some_and(|end| entry.raw_file_position().saturating_add(size) > end) {
            return Err(broken(format!("{path} is cut off")));
        }
        let link = entry.link_name()?.map(Cow::into_owned);
        let kind = entry.header().entry_type();
        // Old archives mark files in another way.
        let kind = if kind.is_file() {
            EntryType::Regular
        } else {
            kind
        };
        let visited = visit(Entry {
            path,
            kind,
            link,
            size,
            content: &mut entry,
        })?;
        if visited == Next::Stop {
            break;
        }
    }
    Ok(())
}

/// A path without what says nothing; `None` for the root itself.
///
/// # Errors
/// It leads out of the archive.
pub(super) fn within(path: &Path) -> io::Result<Option<String>> {
    let escapes = || broken(format!("{} leads out of the archive", path.display()));
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(part) => parts.push(part.to_str().ok_or_else(escapes)?),
            _ => return Err(escapes()),
        }
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tar_of(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            // Written into the field: the builder refuses paths that escape.
            header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(plain: &[u8]) -> Vec<u8> {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn read(path: &Path, wanted: &[&str]) -> io::Result<Vec<(String, String)>> {
        let wanted = wanted.iter().map(|path| (*path).to_owned()).collect();
        let mut found = Vec::new();
        Files::open(path)?.each(&wanted, &mut |entry| {
            let mut content = String::new();
            entry.content.read_to_string(&mut content)?;
            found.push((entry.path, content));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn the_same_files_are_read_from_each_form() {
        let dir = tempfile::tempdir().unwrap();
        let layout = dir.path().join("layout");
        fs::create_dir_all(layout.join("d")).unwrap();
        fs::write(layout.join("a"), "1").unwrap();
        fs::write(layout.join("d/b"), "2").unwrap();
        let plain = tar_of(&[("./a", "1"), ("x", "skipped"), ("d/b", "2")]);
        let (tar, gz) = (dir.path().join("t.tar"), dir.path().join("t.tar.gz"));
        fs::write(&gz, gzip(&plain)).unwrap();
        fs::write(&tar, plain).unwrap();
        let want = [("a", "1"), ("d/b", "2")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        for path in [&layout, &tar, &gz] {
            let found = read(path, &["a", "d/b", "absent"]).unwrap();
            assert_eq!(found, want, "{}", path.display());
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = dir.path().join("layout");
        fs::create_dir(&layout).unwrap();
        fs::write(dir.path().join("outside"), "secret").unwrap();
        symlink("../outside", layout.join("a")).unwrap();
        let error = read(&layout, &["a"]).unwrap_err();
        assert_eq!(error.to_string(), "a leads out of the layout");
        for path in ["../a", "/a", "b/../../a"] {
            let tar = dir.path().join("t.tar");
            fs::write(&tar, tar_of(&[(path, "1")])).unwrap();
            let error = read(&tar, &["a"]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{path} leads out of the archive")
            );
        }
    }

    #[test]
    fn archives_that_are_cut_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let long = "x".repeat(4096);
        let plain = tar_of(&[("a", "1"), ("b", &long)]);
        let gz = gzip(&plain);
        let rows = [
            ("tar", plain[..plain.len() - 3072].to_vec()),
            ("gzip", gz[..gz.len() - 20].to_vec()),
            ("nothing", Vec::new()),
            ("no tar", long.clone().into_bytes()),
        ];
        for (row, content) in rows {
            let path = dir.path().join("t");
            fs::write(&path, content).unwrap();
            let found = read(&path, &["a", "b", "c"]);
            let whole = found.is_ok_and(|found| found.iter().any(|(path, _)| path == "b"));
            assert!(!whole, "{row}");
        }
    }

    #[test]
    fn documents_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("index.json")).unwrap();
        file.set_len(DOCUMENT + 1).unwrap();
        let files = Files::open(dir.path()).unwrap();
        assert!(files.document("index.json").is_err());
        file.set_len(DOCUMENT).unwrap();
        let read = files.document("index.json").unwrap();
        assert_eq!(read.map(|read| read.len() as u64), Some(DOCUMENT));
        assert_eq!(files.document("absent").unwrap(), None);
    }
}
