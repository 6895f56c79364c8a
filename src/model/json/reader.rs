//! Goes through JSON text from its beginning. Does not know UTF-8 or lines: the text is sound, places are bytes.

use std::borrow::Cow;

use super::{CHECKED_DEPTH_MAX, Item, TREE_DEPTH_MAX, real};
use crate::model::node::Node;

/// Goes through a text; a reason to give up belongs to the place where it stands then.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) at: usize,
}

type Read<T> = Result<T, &'static str>;

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn expect(&mut self, byte: u8, reason: &'static str) -> Read<()> {
        if self.peek() != Some(byte) {
            return Err(reason);
        }
        self.at += 1;
        Ok(())
    }

    /// What stands behind an opening brace, and the closing one.
    pub(super) fn object(
        &mut self,
        member: &mut dyn FnMut(&mut Self, Cow<'a, str>) -> Read<()>,
    ) -> Read<()> {
        if self.closes(b'}') {
            return Ok(());
        }
        loop {
            self.white();
            let start = self.at;
            let name = unescaped(self.name()?).inspect_err(|_| self.at = start)?;
            member(self, name)?;
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    /// What stands behind an opening bracket, and the closing one.
    pub(super) fn array(&mut self, item: &mut dyn FnMut(&mut Self) -> Read<()>) -> Read<()> {
        if self.closes(b']') {
            return Ok(());
        }
        loop {
            item(self)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    /// Whether an object or array ends before it began.
    fn closes(&mut self, close: u8) -> bool {
        self.white();
        let closes = self.peek() == Some(close);
        self.at += usize::from(closes);
        closes
    }

    /// Whether a comma follows rather than the end.
    fn goes_on(&mut self, close: u8) -> Read<bool> {
        self.white();
        let goes_on = match self.peek() {
            Some(b',') => true,
            Some(byte) if byte == close => false,
            _ if close == b'}' => return Err("expected a comma or '}'"),
            _ => return Err("expected a comma or ']'"),
        };
        self.at += 1;
        Ok(goes_on)
    }

    /// A name in its quotes, and the colon behind it.
    fn name(&mut self) -> Read<&'a str> {
        self.white();
        let start = self.at;
        self.expect(b'"', "expected a name in quotes")?;
        self.string()?;
        let name = &self.text[start..self.at];
        self.white();
        self.expect(b':', "expected a colon")?;
        Ok(name)
    }

    /// The text of a value, which is checked.
    pub(super) fn value(&mut self) -> Read<&'a str> {
        self.white();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    pub(super) fn node(&mut self, depth: usize) -> Read<Node> {
        self.white();
        let start = self.at;
        if depth == TREE_DEPTH_MAX && matches!(self.peek(), Some(b'{' | b'[')) {
            return Err("nests too deep");
        }
        if self.expect(b'{', "").is_ok() {
            let mut members = Vec::new();
            self.object(&mut |reader, name| {
                members.push((name.into_owned(), reader.node(depth + 1)?));
                Ok(())
            })?;
            return Ok(Node::Map(members));
        }
        if self.expect(b'[', "").is_ok() {
            let mut items = Vec::new();
            self.array(&mut |reader| {
                items.push(reader.node(depth + 1)?);
                Ok(())
            })?;
            return Ok(Node::List(items));
        }
        self.skip()?;
        let text = &self.text[start..self.at];
        let node = Item::of(text).and_then(|item| {
            Ok(match item {
                Item::Bool(flag) => Node::Bool(flag),
                Item::Int(n) => Node::Int(n),
                Item::Digits(digits) => Node::Real(real(digits)?),
                Item::Real(x) => Node::Real(x),
                Item::Text(text) => Node::Text(text.into_owned()),
                Item::Null | Item::List(_) | Item::Map(_) => Node::Null,
            })
        });
        if node.is_err() {
            self.at = start;
        }
        node
    }

    /// Checks a value, however it nests.
    pub(super) fn skip(&mut self) -> Read<()> {
        // How what is open here closes.
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.white();
            let closing = match self.peek() {
                Some(b'{') => Some(b'}'),
                Some(b'[') => Some(b']'),
                _ => None,
            };
            if let Some(close) = closing {
                if open.len() == CHECKED_DEPTH_MAX {
                    return Err("nests too deep");
                }
                self.at += 1;
                if !self.closes(close) {
                    open.push(close);
                    if close == b'}' {
                        self.name()?;
                    }
                    continue;
                }
            } else {
                self.scalar()?;
            }
            loop {
                let Some(close) = open.last().copied() else { return Ok(()) };
                if self.goes_on(close)? {
                    if close == b'}' {
                        self.name()?;
                    }
                    break;
                }
                open.pop();
            }
        }
    }

    fn scalar(&mut self) -> Read<()> {
        let rest = &self.text[self.at..];
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                return self.string();
            }
            Some(b'-' | b'0'..=b'9') => return self.number(),
            _ => {}
        }
        let word = ["null", "true", "false"].into_iter().find(|word| rest.starts_with(word));
        self.at += word.ok_or("expected a value")?.len();
        Ok(())
    }

    /// What stands behind an opening quote, and the closing one.
    fn string(&mut self) -> Read<()> {
        let bytes = self.text.as_bytes();
        loop {
            let rest = &bytes[self.at..];
            let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '));
            self.at += plain.unwrap_or(rest.len());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => {
                    return Err("holds a control character in text, which has to be escaped");
                }
                None => return Err("ends inside a text"),
            }
        }
    }

    fn escape(&mut self) -> Read<()> {
        let bytes = &self.text.as_bytes()[self.at + 1..];
        let length = match bytes {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', digits @ ..]
                if digits.len() >= 4 && digits[..4].iter().all(u8::is_ascii_hexdigit) =>
            {
                6
            }
            _ => return Err("holds a backslash that escapes nothing"),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Read<()> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
            if matches!(self.peek(), Some(b'0'..=b'9')) {
                return Err("holds a number that begins with a zero");
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err("expected a digit") } else { Ok(()) }
    }
}

/// What a text in quotes says. The grammar allows halves of surrogate pairs, which no text can hold.
pub(super) fn unescaped(quoted: &str) -> Result<Cow<'_, str>, &'static str> {
    let inner = &quoted[1..quoted.len() - 1];
    let Some((plain, mut rest)) = inner.split_once('\\') else { return Ok(Cow::Borrowed(inner)) };
    let mut text = plain.to_owned();
    loop {
        let code =
            |at: usize| rest.get(at..at + 4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let (c, length) = match (rest.as_bytes().first(), code(1)) {
            (Some(b'u'), Some(high @ 0xd800..0xdc00)) => match code(7) {
                Some(low @ 0xdc00..0xe000) if rest[5..].starts_with("\\u") => {
                    (char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)), 11)
                }
                _ => (None, 5),
            },
            (Some(b'u'), code) => (code.and_then(char::from_u32), 5),
            (Some(b'b'), _) => (Some('\u{8}'), 1),
            (Some(b'f'), _) => (Some('\u{c}'), 1),
            (Some(b'n'), _) => (Some('\n'), 1),
            (Some(b'r'), _) => (Some('\r'), 1),
            (Some(b't'), _) => (Some('\t'), 1),
            (sign, _) => (sign.copied().map(char::from), 1),
        };
        text.push(c.ok_or("holds half a surrogate pair")?);
        let Some((plain, next)) = rest[length..].split_once('\\') else {
            text.push_str(&rest[length..]);
            return Ok(Cow::Owned(text));
        };
        text.push_str(plain);
        rest = next;
    }
}
