//! Paths of mounts without `.`, `..` and repeated slashes.

/// The shortest path that means the same; `.` for none.
pub(super) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            ("..", _) if rooted => {}
            _ => parts.push(part),
        }
    }
    match (rooted, parts.join("/")) {
        (true, rest) => format!("/{rest}"),
        (false, rest) if rest.is_empty() => ".".to_owned(),
        (false, rest) => rest,
    }
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn the_shortest_path_is_found() {
        for (path, want) in [
            ("/", "/"),
            ("//a//b/", "/a/b"),
            ("/a/../..", "/"),
            ("a/./b/..", "a"),
            ("../a", "../a"),
            ("a/..", "."),
            ("", "."),
        ] {
            assert_eq!(clean(path), want, "{path}");
        }
    }
}
