//! Quantities as Go prints their parts where nobody asks them for their text.

/// `{i:{value:100 scale:-3} d:{Dec:<nil>} s:100m Format:DecimalSI}` for `100m`, or the same without names.
pub(super) fn internals(text: &str, names: bool) -> String {
    let number = text.trim_end_matches(|c: char| !c.is_ascii_digit() && c != '.');
    let (value, scale, kept) = amount(number, &text[number.len()..]);
    let spelling = if kept || text == "0" { text } else { "" };
    let format = if text.ends_with('i') {
        "BinarySI"
    } else {
        "DecimalSI"
    };
    if names {
        format!(
            "{{i:{{value:{value} scale:{scale}}} d:{{Dec:<nil>}} s:{spelling} Format:{format}}}"
        )
    } else {
        format!("{{{{{value} {scale}}} {{<nil>}} {spelling} {format}}}")
    }
}

/// The number without its point and the power of ten that it counts, and whether the spelling is remembered.
fn amount(number: &str, suffix: &str) -> (i128, i32, bool) {
    let places = number
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    let digits: i128 = number.replace('.', "").parse().unwrap_or_default();
    if let Some(power) = power(suffix, &["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]) {
        return (digits << (10 * (power + 1)), 0, digits % 8 != 0);
    }
    let places = i32::try_from(places).unwrap_or_default();
    let scale = decimal(suffix) - places;
    let kept = scale % 3 == 0 && digits != 0 && digits % 1000 != 0;
    (digits, scale, kept)
}

fn decimal(suffix: &str) -> i32 {
    let large = power(suffix, &["k", "M", "G", "T", "P", "E"]).map(|power| 3 * (power + 1));
    let small = power(suffix, &["m", "u", "n"]).map(|power| -3 * (power + 1));
    large.or(small).unwrap_or_default()
}

fn power(suffix: &str, suffixes: &[&str]) -> Option<i32> {
    let power = suffixes.iter().position(|known| *known == suffix)?;
    i32::try_from(power).ok()
}

#[cfg(test)]
mod tests {
    use super::internals;

    #[test]
    fn the_parts_follow_from_the_spelling() {
        let milli = "{i:{value:100 scale:-3} d:{Dec:<nil>} s:100m Format:DecimalSI}";
        assert_eq!(internals("100m", true), milli);
        let binary = "{{67108864 0} {<nil>}  BinarySI}";
        assert_eq!(internals("64Mi", false), binary);
        assert_eq!(internals("1", false), "{{1 0} {<nil>} 1 DecimalSI}");
    }
}
