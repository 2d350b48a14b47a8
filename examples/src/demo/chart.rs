//! A small chart of a number over time.

use std::{fmt::Write as _, time::Duration};

/// How many columns it has.
const WIDTH: usize = 60;

/// Draws `samples`: a row for each number, a column for each part of the time.
pub(super) fn draw(samples: &[(Duration, usize)]) -> String {
    let Some(&(end, _)) = samples.last() else {
        return String::new();
    };
    let columns = columns(samples, end);
    let top = columns.iter().copied().max().unwrap_or(0).max(1);
    let mut text = String::new();
    for level in (1..=top).rev() {
        let bars = columns
            .iter()
            .map(|count| if *count >= level { '█' } else { ' ' });
        let bars: String = bars.collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{level:>4} |{}", bars.trim_end());
    }
    let _ = writeln!(text, "   0 +{}", "-".repeat(WIDTH));
    let seconds = format!("{:.0} s", end.as_secs_f64());
    let _ = writeln!(text, "      0 s{seconds:>width$}", width = WIDTH - 3);
    text
}

/// The largest number in each part of the time; where nothing was sampled, the one before.
fn columns(samples: &[(Duration, usize)], end: Duration) -> Vec<usize> {
    let mut columns: Vec<Option<usize>> = vec![None; WIDTH];
    for &(at, count) in samples {
        let share = at.as_secs_f64() / end.as_secs_f64().max(f64::MIN_POSITIVE);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of the width, from 0 to 1"
        )]
        let column = ((share * WIDTH as f64) as usize).min(WIDTH - 1);
        if let Some(most) = columns.get_mut(column) {
            *most = Some(most.unwrap_or(0).max(count));
        }
    }
    let mut last = 0;
    let filled = columns.into_iter().map(|column| {
        last = column.unwrap_or(last);
        last
    });
    filled.collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::draw;

    #[test]
    fn numbers_rise_and_fall() {
        let samples: Vec<_> = (0_u32..=60)
            .map(|second| {
                let at = Duration::from_secs(second.into());
                (
                    at,
                    if (15..30).contains(&second) {
                        2
                    } else {
                        usize::from(second < 45)
                    },
                )
            })
            .collect();
        let drawn = draw(&samples);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(
            lines[0],
            format!("   2 |{}{}", " ".repeat(15), "█".repeat(15))
        );
        assert_eq!(lines[1], format!("   1 |{}", "█".repeat(45)));
        assert!(lines[3].ends_with("60 s"), "{drawn}");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(draw(&[]), "");
    }
}
