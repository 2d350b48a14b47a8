//! Ages as `kubectl` prints them.

use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// How long ago a time was, in at most two units; `<unknown>` for what is no time.
pub(crate) fn age(time: &str, now: Timestamp) -> String {
    time.parse::<Timestamp>().map_or_else(
        |_| "<unknown>".to_owned(),
        |time| human(now.duration_since(time)),
    )
}

/// A duration for people: the smaller unit is left out where it would not matter.
fn human(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    // A clock that is behind a little is no error.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let two = |large: i64, letter: char, small: i64, small_letter: char| {
        let (whole, rest) = (seconds / large, seconds % large / small);
        if rest == 0 {
            format!("{whole}{letter}")
        } else {
            format!("{whole}{letter}{rest}{small_letter}")
        }
    };
    match seconds {
        ..0 => "0s".to_owned(),
        0..120 => format!("{seconds}s"),
        120..600 => two(MINUTE, 'm', 1, 's'),
        600..10_800 => format!("{}m", seconds / MINUTE),
        10_800..28_800 => two(HOUR, 'h', MINUTE, 'm'),
        28_800..172_800 => format!("{}h", seconds / HOUR),
        172_800..691_200 => two(DAY, 'd', HOUR, 'h'),
        691_200..63_072_000 => format!("{}d", seconds / DAY),
        63_072_000..252_288_000 => two(YEAR, 'y', DAY, 'd'),
        _ => format!("{}y", seconds / YEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        let rows = [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (599, "9m59s"),
            (600, "10m"),
            (3 * HOUR - 1, "179m"),
            (3 * HOUR, "3h"),
            (7 * HOUR + 5 * MINUTE, "7h5m"),
            (8 * HOUR + 5 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY, "2d"),
            (7 * DAY + 3 * HOUR, "7d3h"),
            (8 * DAY + 3 * HOUR, "8d"),
            (2 * YEAR + 3 * DAY, "2y3d"),
            (9 * YEAR, "9y"),
        ];
        for (seconds, want) in rows {
            assert_eq!(human(SignedDuration::from_secs(seconds)), want);
        }
    }

    #[test]
    fn of_a_time() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(65);
        assert_eq!(age("1970-01-01T00:00:00Z", now), "65s");
        assert_eq!(age("", now), "<unknown>");
    }
}
