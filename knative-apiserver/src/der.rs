//! The few facts that are read from certificates which were verified before.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use knative_core::store::UserInfo;

/// `id-at-commonName`, 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// `id-at-organizationName`, 2.5.4.10.
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Whose it is: the common name is the user, organizations are groups.
    pub(crate) user: UserInfo,
    /// When it ends.
    pub(crate) not_after: Timestamp,
}

/// A value: its tag and its bytes.
type Item<'a> = (u8, &'a [u8]);

/// Reads a certificate; `None` if it is none.
pub(crate) fn facts(certificate: &[u8]) -> Option<Facts> {
    let (certificate, _) = sequence(certificate)?;
    let (mut rest, _) = sequence(certificate)?;
    if rest.first() == Some(&VERSION) {
        (_, rest) = item(rest)?;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        (_, rest) = item(rest)?;
    }
    let (validity, rest) = sequence(rest)?;
    let (_, not_after) = item(validity)?;
    let (not_after, _) = item(not_after)?;
    let (subject, _) = sequence(rest)?;
    Some(Facts {
        user: user(subject)?,
        not_after: time(not_after)?,
    })
}

fn item(bytes: &[u8]) -> Option<(Item<'_>, &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        let length = digits.iter().try_fold(0_usize, |sum, digit| {
            sum.checked_mul(256)?.checked_add(usize::from(*digit))
        })?;
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some(((tag, content), rest))
}

fn sequence(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let ((tag, content), rest) = item(bytes)?;
    (tag == SEQUENCE).then_some((content, rest))
}

/// A name is a sequence of sets of pairs of an identifier and a text.
fn user(mut name: &[u8]) -> Option<UserInfo> {
    let mut user = UserInfo::new("");
    while !name.is_empty() {
        let ((_, mut set), rest) = item(name)?;
        name = rest;
        while !set.is_empty() {
            let (pair, rest) = sequence(set)?;
            set = rest;
            let ((_, identifier), pair) = item(pair)?;
            let ((_, text), _) = item(pair)?;
            let text = str::from_utf8(text).ok()?.to_owned();
            match identifier {
                COMMON_NAME => user.username = text,
                ORGANIZATION => user.groups.push(text),
                _ => {}
            }
        }
    }
    (!user.username.is_empty()).then_some(user)
}

fn time((tag, text): Item<'_>) -> Option<Timestamp> {
    let text = str::from_utf8(text).ok()?;
    let full = if tag == UTC_TIME {
        // RFC 5280: years from 50 on are of the twentieth century.
        let century = if text.get(..2)? >= "50" { "19" } else { "20" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", full).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::facts;

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(facts(&bytes), None);
        }
    }
}
