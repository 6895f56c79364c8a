//! What short texts stand for, remembered as long as no other takes their place. Rows repeat few texts: most are
//! found here in a few steps, without a hash of all their bytes or a comparison of them one by one.

/// Texts that are remembered at once.
const SLOTS: usize = 512;
/// Longer ones are not.
const BYTES_MAX: usize = 16;

/// Short texts and their numbers.
#[derive(Debug, Default)]
pub struct Recent {
    /// None before the first.
    slots: Vec<(Short, i64)>,
}

/// A text of up to 16 bytes: its first and its last 8, which may overlap, and its length and one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Short(u64, u64, u8);

impl Short {
    /// None of a text that is too long.
    #[must_use]
    pub fn of(text: &[u8]) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let eight = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
        let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes));
        let (first, last) = match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) => (eight(first), eight(last)),
            _ => match (text.first_chunk(), text.last_chunk()) {
                (Some(first), Some(last)) => (four(first), four(last)),
                _ => (text.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
            },
        };
        Some(Self(first, last, text.len() as u8 + 1))
    }

    fn slot(self) -> usize {
        let mixed = (self.0 ^ self.1.rotate_left(29) ^ u64::from(self.2))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 55) as usize
    }
}

impl Recent {
    /// What a text stands for, if that is remembered.
    #[must_use]
    pub fn find(&self, text: Short) -> Option<i64> {
        let (known, number) = self.slots.get(text.slot())?;
        (*known == text).then_some(*number)
    }

    /// Remembers it.
    pub fn put(&mut self, text: Short, number: i64) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, Default::default());
        }
        self.slots[text.slot()] = (text, number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_by_every_byte_and_by_their_length() {
        let mut texts: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 1..=BYTES_MAX {
            texts.push(vec![0; length]);
            for at in 0..length {
                let mut text = vec![b'a'; length];
                text[at] = b'b';
                texts.push(text);
            }
        }
        let shorts: Vec<_> = texts.iter().map(|text| Short::of(text).expect("is short")).collect();
        for (at, short) in shorts.iter().enumerate() {
            assert!(!shorts[..at].contains(short), "{:?}", texts[at]);
        }
        assert_eq!(Short::of(&[b'a'; 17]), None);
    }

    #[test]
    fn what_is_remembered_is_what_was_put_last() {
        let mut recent = Recent::default();
        for round in 0..3_i64 {
            for n in 0..2_000_i64 {
                let text = Short::of(n.to_string().as_bytes()).expect("is short");
                assert!(recent.find(text).is_none_or(|found| found == n * 10 + round - 1));
                recent.put(text, n * 10 + round);
                assert_eq!(recent.find(text), Some(n * 10 + round));
            }
        }
    }
}
