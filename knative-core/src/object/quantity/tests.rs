use proptest::prelude::*;

use super::*;

fn text(of: &str) -> Result<String, ParseQuantityError> {
    of.parse::<Quantity>().map(|quantity| quantity.to_string())
}

#[test]
fn texts() {
    let rows = [
        ("zero", "0", "0"),
        ("kept: a point at the end", "5.", "5."),
        ("kept: a plus sign", "+5", "+5"),
        ("kept: leading zeros", "00100", "00100"),
        ("kept: a fraction of a thousand", "1.001M", "1.001M"),
        ("leading zero of a fraction", "0.001", "1m"),
        ("thousands move up", "1000m", "1"),
        ("halves", "0.5", "500m"),
        ("binary moves up", "1024Mi", "1Gi"),
        ("binary that does not", "1536Mi", "1536Mi"),
        ("binary multiple of eight", "8Ki", "8Ki"),
        ("binary fraction", "1.25Gi", "1280Mi"),
        ("binary below a kibi", "0.5Ki", "512"),
        ("binary that is not whole", "0.3Gi", "322122547200m"),
        ("binary over the cap", "9Ei", "9223372036854775807"),
        (
            "binary far over the cap",
            "99999999999999999999999999999999999999999999Gi",
            "9223372036854775807",
        ),
        (
            "binary, a long fraction",
            "1.00000000000000000000000000000000000000001Ki",
            "1024000000001n",
        ),
        ("minus binary", "-1.5Gi", "-1536Mi"),
        ("exponent kept", "1E3", "1E3"),
        ("exponent to thousands", "1e4", "10e3"),
        ("exponent below one", "5e-1", "500e-3"),
        ("no finer than nano", "0.00000000001", "1n"),
        ("rounded up", "3.14159265358979", "3141592654n"),
        (
            "minus is rounded away from zero",
            "-0.1234567891",
            "-123456790n",
        ),
        ("beyond the suffixes", "1000E", "1e21"),
        (
            "38 digits below one",
            "12345678901234567890123456789.000000001",
            "12345678901234567890123456789000000001n",
        ),
        (
            "38 digits and a zero",
            "1234567890123456789012345678901234567.1",
            "1234567890123456789012345678901234567100m",
        ),
        ("no digits", "Gi", "0"),
        ("a sign only", "-", "0"),
        (
            "thirty digits",
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
    ];
    for (name, given, want) in rows {
        assert_eq!(text(given).as_deref(), Ok(want), "{name}: {given}");
    }
}

#[test]
fn refusals() {
    let rows = [
        ("", ParseQuantityError::Format),
        (" 1", ParseQuantityError::Format),
        ("1..5", ParseQuantityError::Format),
        ("1GB", ParseQuantityError::Format),
        ("1e", ParseQuantityError::Suffix),
        ("100K", ParseQuantityError::Suffix),
        ("--1", ParseQuantityError::Suffix),
        ("Ei", ParseQuantityError::Numeric),
        ("1e99999999999", ParseQuantityError::Suffix),
        (
            "123456789012345678901234567890123456789",
            ParseQuantityError::Numeric,
        ),
    ];
    for (given, want) in rows {
        assert_eq!(text(given), Err(want), "{given}");
    }
}

#[test]
fn values() -> Result<(), ParseQuantityError> {
    let rows = [
        ("1001u", Some(1), Some(2)),
        ("-100m", Some(-1), Some(-100)),
        (
            "1P",
            Some(1_000_000_000_000_000),
            Some(1_000_000_000_000_000_000),
        ),
        ("1e21", None, None),
        ("1e-9999", Some(1), Some(1)),
    ];
    for (given, value, milli) in rows {
        let quantity: Quantity = given.parse()?;
        assert_eq!(
            (quantity.value(), quantity.milli_value()),
            (value, milli),
            "{given}"
        );
    }
    Ok(())
}

#[test]
fn order_ignores_spelling() -> Result<(), ParseQuantityError> {
    let ascending = [
        "-1e30", "-2", "-1500m", "0", "1n", "999m", "1", "1k", "1Ki", "1e9999",
    ];
    for pair in ascending.windows(2) {
        let (low, high): (Quantity, Quantity) = (pair[0].parse()?, pair[1].parse()?);
        assert!(low < high, "{low} < {high}");
    }
    assert_eq!("1e3".parse::<Quantity>()?, "1k".parse()?);
    Ok(())
}

#[test]
fn json() {
    assert_eq!(
        Quantity::from_json("1e3").map(|q| q.to_string()).as_deref(),
        Ok("1e3")
    );
    let decoded: Vec<Quantity> =
        serde_json::from_str(r#"["1Gi", 2, 1.5, null, " 1 "]"#).expect("all are quantities");
    assert_eq!(
        serde_json::to_string(&decoded).expect("a list of strings"),
        r#"["1Gi","2","1500m","0","1"]"#
    );
}

proptest! {
    #[test]
    fn canonical_text_round_trips(value in any::<i64>(), exponent in -9_i32..30, binary in any::<bool>()) {
        let format = if binary { Format::BinarySi } else { Format::DecimalSi };
        let quantity = Quantity::from_amount(Decimal::scaled(value, exponent), format);
        let again: Quantity = quantity.to_string().parse().expect("canonical text parses");
        // Powers of 1024 are capped when read.
        prop_assume!(again.format != Format::BinarySi || quantity.value().is_some());
        prop_assert_eq!(&again, &quantity);
        if again.format == quantity.format {
            prop_assert_eq!(again.to_string(), quantity.to_string());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(given in "[-+0-9.]{0,45}[eEinumkKMGTP]{0,3}[-+]?[0-9]{0,11}") {
        if let Ok(quantity) = given.parse::<Quantity>() {
            let again: Quantity = quantity.to_string().parse().expect("printed text parses");
            prop_assert_eq!(again, quantity);
        }
    }

    #[test]
    fn adding_and_taking_away(left in any::<i64>(), right in any::<i64>()) {
        let (left, right) = (
            Quantity::from_milli(left, Format::DecimalSi),
            Quantity::from_value(right, Format::DecimalSi),
        );
        let sum = left.checked_add(&right).expect("64 bits fit");
        prop_assert_eq!(sum.checked_sub(&right), Some(left));
    }
}
