//! Identifiers and random choices, from one seed.

use std::fmt;

use parking_lot::Mutex;

/// The letters that Kubernetes uses for generated suffixes.
const SUFFIX_ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// The length of a generated suffix.
const SUFFIX_LENGTH: usize = 5;

/// Makes uids, name suffixes and random numbers. The same seed gives the same sequence.
pub struct Ids {
    state: Mutex<u64>,
}

impl Ids {
    /// A generator with a given seed: for tests and simulation.
    pub const fn seeded(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }

    /// A generator seeded by the operating system.
    ///
    /// # Errors
    /// The system has no source of randomness.
    pub fn from_entropy() -> Result<Self, getrandom::Error> {
        Ok(Self::seeded(getrandom::u64()?))
    }

    /// The next 64 random bits (splitmix64: equidistributed, not for secrets).
    pub fn next(&self) -> u64 {
        let mut state = self.state.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub fn below(&self, bound: u64) -> u64 {
        // Lemire's multiplication keeps the bias below 2^-64 for any bound.
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// A uid in the form of a version 4 UUID.
    pub fn uid(&self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48 & 0x3fff),
            low & 0xffff_ffff_ffff,
        )
    }

    /// Five letters as Kubernetes appends them to `generateName`.
    pub fn suffix(&self) -> String {
        let letters = u64::try_from(SUFFIX_ALPHABET.len()).unwrap_or(u64::MAX);
        (0..SUFFIX_LENGTH)
            .map(|_| {
                let index = usize::try_from(self.below(letters)).unwrap_or(0);
                char::from(SUFFIX_ALPHABET[index])
            })
            .collect()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ids").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_gives_same_ids() {
        let (a, b) = (Ids::seeded(7), Ids::seeded(7));
        assert_eq!((a.uid(), a.suffix()), (b.uid(), b.suffix()));
        assert_ne!(a.uid(), Ids::seeded(8).uid());
    }

    #[test]
    fn uid_is_a_version_4_uuid() {
        let uid = Ids::seeded(1).uid();
        let groups: Vec<&str> = uid.split('-').collect();
        assert_eq!(
            groups.iter().map(|group| group.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(groups[2].starts_with('4') && "89ab".contains(&groups[3][..1]));
    }
}
