//! Which rows of a stretch of a segment are meant. Does not know why.

use std::borrow::Cow;

use lotwise_kernels::rows_of;

/// A choice among the rows of a stretch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mask {
    /// All of them.
    All,
    /// None of them.
    None,
    /// Those with 1, of one byte for each.
    Some(Vec<u8>),
}

impl Mask {
    /// Rows of both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, other) | (other, Self::All) => other,
            (Self::Some(mut a), Self::Some(b)) => {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a &= b);
                Self::Some(a)
            }
        }
    }

    /// Rows of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, other) | (other, Self::None) => other,
            (Self::Some(mut a), Self::Some(b)) => {
                a.iter_mut().zip(&b).for_each(|(a, b)| *a |= b);
                Self::Some(a)
            }
        }
    }
}

/// Rows of a segment, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// From the first to before the second.
    Span(usize, usize),
    /// Those.
    List(Vec<u32>),
}

impl Rows {
    /// Those that a mask over the stretch from `first` to `end` means.
    #[must_use]
    pub fn of(mask: Mask, first: usize, end: usize) -> Self {
        match mask {
            Mask::All => Self::Span(first, end),
            Mask::None => Self::Span(first, first),
            Mask::Some(mask) => Self::List(rows_of(&mask, first as u32)),
        }
    }

    /// The rows as a list.
    #[must_use]
    pub fn list(&self) -> Cow<'_, [u32]> {
        match self {
            Self::Span(first, end) => Cow::Owned((*first as u32..*end as u32).collect()),
            Self::List(rows) => Cow::Borrowed(rows),
        }
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Span(first, end) => *end - *first,
            Self::List(rows) => rows.len(),
        }
    }

    /// The one at a place among them.
    #[must_use]
    pub fn row(&self, at: usize) -> usize {
        match self {
            Self::Span(first, _) => first + at,
            Self::List(rows) => rows[at] as usize,
        }
    }

    /// Place of the first that is not before a row.
    #[must_use]
    pub fn first_from(&self, row: usize) -> usize {
        match self {
            Self::Span(first, end) => row.clamp(*first, *end) - first,
            Self::List(rows) => rows.partition_point(|known| (*known as usize) < row),
        }
    }

    /// Those from one place to before another.
    #[must_use]
    pub fn part(&self, from: usize, upto: usize) -> Self {
        match self {
            Self::Span(first, _) => Self::Span(first + from, first + upto),
            Self::List(rows) => Self::List(rows[from..upto].to_vec()),
        }
    }
}
