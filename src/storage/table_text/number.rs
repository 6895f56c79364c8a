//! Numbers as people write them. Which of '.' and ',' marks the fraction is the file's affair.

/// Characters that stand between groups of three digits, besides the mark that is not the decimal one.
const GROUP_MARKS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '\u{2019}'];

/// What a text is as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// The same number whichever the decimal mark is.
    Plain,
    /// A number only where '.' is the decimal mark.
    Dot,
    /// A number only where ',' is the decimal mark.
    Comma,
    /// Two different numbers: '1,234'.
    Unclear,
    /// None.
    None,
}

/// How a text can be read; `is_whole` where only whole numbers will do.
pub fn reading(text: &str, is_whole: bool) -> Reading {
    let fits = |number: &String| !is_whole || whole(number).is_some();
    match (plain(text, b'.').filter(fits), plain(text, b',').filter(fits)) {
        (Some(dot), Some(comma)) if dot == comma => Reading::Plain,
        (Some(_), Some(_)) => Reading::Unclear,
        (Some(_), None) => Reading::Dot,
        (None, Some(_)) => Reading::Comma,
        (None, None) => Reading::None,
    }
}

/// The number as a program writes it, or none where the text is no number with that decimal mark.
pub fn plain(text: &str, decimal: u8) -> Option<String> {
    let other = if decimal == b'.' { ',' } else { '.' };
    let (body, sign) = match text.strip_prefix(['+', '-']) {
        Some(body) => (body, &text[..1]),
        // As SAP writes it.
        None => text.strip_suffix('-').map_or((text, ""), |body| (body, "-")),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let size = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            (mantissa, Some(exponent).filter(|_| (1..=4).contains(&size.len()) && is_digits(size))?)
        }
        None => (body, ""),
    };
    let (whole, fraction) = mantissa.split_once(char::from(decimal)).unwrap_or((mantissa, ""));
    if !is_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut number = String::with_capacity(text.len() + 2);
    number.push_str(if sign == "+" { "" } else { sign });
    match whole.find(|c: char| !c.is_ascii_digit()) {
        None => number.push_str(whole),
        Some(at) => {
            let mark =
                whole[at..].chars().next().filter(|c| *c == other || GROUP_MARKS.contains(c))?;
            for (i, group) in whole.split(mark).enumerate() {
                let sound = match i {
                    0 => (1..=3).contains(&group.len()) && !group.starts_with('0'),
                    _ => group.len() == 3,
                };
                number.push_str(Some(group).filter(|_| sound && is_digits(group))?);
            }
        }
    }
    for (mark, part) in [('.', fraction), ('e', exponent)] {
        if !part.is_empty() {
            number.push(mark);
            number.push_str(part);
        }
    }
    Some(number)
}

/// The whole number that a plain one is, also where it is written with a fraction of zeros.
pub fn whole(number: &str) -> Option<i64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.bytes().all(|digit| digit == b'0') { whole.parse().ok() } else { None }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_their_decimal_mark() {
        let check = |text: &str, dot: Option<&str>, comma: Option<&str>| {
            assert_eq!(plain(text, b'.').as_deref(), dot, "{text} with a point");
            assert_eq!(plain(text, b',').as_deref(), comma, "{text} with a comma");
        };
        check("0", Some("0"), Some("0"));
        check("-12", Some("-12"), Some("-12"));
        check("+12", Some("12"), Some("12"));
        check("12-", Some("-12"), Some("-12"));
        check("1.5", Some("1.5"), None);
        check("1,5", None, Some("1.5"));
        check(".5", Some(".5"), None);
        check("5.", Some("5"), None);
        check("1,234", Some("1234"), Some("1.234"));
        check("1.234", Some("1.234"), Some("1234"));
        check("0,123", None, Some("0.123"));
        check("1234,567", None, Some("1234.567"));
        check("1.234,56", None, Some("1234.56"));
        check("1,234.56", Some("1234.56"), None);
        check("1,234,567", Some("1234567"), None);
        check("1.234.567,8-", None, Some("-1234567.8"));
        check("1 234 567,8", None, Some("1234567.8"));
        check("1\u{202f}234", Some("1234"), Some("1234"));
        check("1'234.5", Some("1234.5"), None);
        check("1.5e3", Some("1.5e3"), None);
        check("15E-3", Some("15e-3"), Some("15e-3"));
        for wrong in [
            "",
            "-",
            "--1",
            "-1-",
            "1,23,456",
            "12,34.5",
            "1.2.3",
            "1,2345,678",
            "e5",
            "1e",
            "1e+",
            "0x1",
            "1 2",
            "10.06.2025",
            "1,234 567",
            "1..5",
            "NaN",
            "inf",
            "１２",
            "1,,234",
            ".",
            ",",
        ] {
            check(wrong, None, None);
        }
    }

    #[test]
    fn whole_numbers_decide_what_fractions_do_not() {
        assert_eq!(reading("1,234", false), Reading::Unclear);
        assert_eq!(reading("1,234", true), Reading::Dot);
        assert_eq!(reading("1,000", true), Reading::Unclear);
        assert_eq!(reading("1,5", true), Reading::None);
        assert_eq!(reading("5.0", true), Reading::Dot);
        assert_eq!(whole("5.00"), Some(5));
        assert_eq!(whole("9223372036854775808"), None);
        assert_eq!(whole("5e3"), None);
    }
}
