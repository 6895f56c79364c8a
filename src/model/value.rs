//! The five storage classes of SQLite, owned and borrowed, with SQLite's order.
//! Does not know columns, collations or declared types.

use std::cmp::Ordering;

/// A value as SQLite stores it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A double; never NaN, which SQLite stores as NULL.
    Real(f64),
    /// Text in UTF-8.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A value that somebody else owns. Text from a foreign file may not be UTF-8: hence bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ValueRef<'a> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Int(i64),
    /// A double.
    Real(f64),
    /// Text, meant to be UTF-8.
    Text(&'a [u8]),
    /// Bytes.
    Blob(&'a [u8]),
}

impl Value {
    /// The same value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Int(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(s) => ValueRef::Text(s.as_bytes()),
            Self::Blob(b) => ValueRef::Blob(b),
        }
    }

    /// Name of the storage class.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::Blob(_) => "blob",
        }
    }

    /// Order as SQLite sorts with the BINARY collation: null, numbers, text, blobs.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        self.as_ref().compare(other.as_ref())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl ValueRef<'_> {
    /// A copy that owns its bytes. Text that is not UTF-8 gets replacement characters.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Int(n) => Value::Int(n),
            Self::Real(x) => Value::Real(x),
            Self::Text(s) => Value::Text(String::from_utf8_lossy(s).into_owned()),
            Self::Blob(b) => Value::Blob(b.to_vec()),
        }
    }

    /// See [`Value::compare`].
    #[must_use]
    pub fn compare(self, other: ValueRef<'_>) -> Ordering {
        match (self, other) {
            (Self::Int(a), ValueRef::Int(b)) => a.cmp(&b),
            (Self::Real(a), ValueRef::Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Int(a), ValueRef::Real(b)) => compare_int_real(a, b),
            (Self::Real(a), ValueRef::Int(b)) => compare_int_real(b, a).reverse(),
            (Self::Text(a), ValueRef::Text(b)) | (Self::Blob(a), ValueRef::Blob(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Int(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Blob(_) => 3,
        }
    }
}

/// Exact, also where an `i64` has no double of its own (as sqlite3IntFloatCompare).
fn compare_int_real(a: i64, b: f64) -> Ordering {
    if b.is_nan() {
        return Ordering::Greater;
    }
    if b < -9_223_372_036_854_775_808.0 {
        return Ordering::Greater;
    }
    if b >= 9_223_372_036_854_775_808.0 {
        return Ordering::Less;
    }
    let whole = b.trunc();
    a.cmp(&(whole as i64))
        .then_with(|| 0.0_f64.partial_cmp(&(b - whole)).unwrap_or(Ordering::Equal))
}

/// Compares text as SQLite's NOCASE does: ASCII letters folded, then bytes.
#[must_use]
pub fn compare_nocase(a: &[u8], b: &[u8]) -> Ordering {
    a.iter().map(u8::to_ascii_lowercase).cmp(b.iter().map(u8::to_ascii_lowercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_and_reals_compare_exactly() {
        let check = |a: i64, b: f64, expected: Ordering| {
            assert_eq!(Value::Int(a).compare(&Value::Real(b)), expected, "{a} against {b}");
            assert_eq!(
                Value::Real(b).compare(&Value::Int(a)),
                expected.reverse(),
                "{b} against {a}"
            );
        };
        check(1, 1.0, Ordering::Equal);
        check(1, 1.5, Ordering::Less);
        check(-1, -1.5, Ordering::Greater);
        check(i64::MAX, 9_223_372_036_854_775_808.0, Ordering::Less);
        check(i64::MIN, -9_223_372_036_854_775_808.0, Ordering::Equal);
        check((1 << 53) + 1, 9_007_199_254_740_992.0, Ordering::Greater);
        check(0, f64::NEG_INFINITY, Ordering::Greater);
    }

    #[test]
    fn classes_sort_as_in_sqlite() {
        let mut values =
            [Value::Blob(vec![0]), Value::from("a"), Value::Int(5), Value::Null, Value::Real(-1.0)];
        values.sort_by(Value::compare);
        let classes: Vec<_> = values.iter().map(Value::class).collect();
        assert_eq!(classes, ["null", "real", "integer", "text", "blob"]);
    }
}
