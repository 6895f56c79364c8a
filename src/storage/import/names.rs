//! Names of a file's fields: which of them mean the same, which of a dataset's columns they are, and what
//! a column of theirs would be called.

use crate::error::{Error, Result};
use crate::model::dataset::{Column, Dataset};
use crate::model::numbering::ByteNumbers;

/// Longest name that is made; a number may follow, and a column's name has 64 bytes at most.
const NAME_BYTES_MAX: usize = 58;

/// Katakana of full width for U+FF66 to U+FF9D.
const KATAKANA: &str = "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン";

/// A name with every character at its usual width.
fn usual_width(name: &str) -> String {
    let mut wide = String::with_capacity(name.len());
    for char in name.chars() {
        let code = u32::from(char);
        let shifted = |by: u32| char::from_u32(code - by).unwrap_or(char);
        match char {
            '\u{ff01}'..='\u{ff5e}' => wide.push(shifted(0xfee0)),
            '\u{ff66}'..='\u{ff9d}' => {
                wide.push(KATAKANA.chars().nth((code - 0xff66) as usize).unwrap_or(char));
            }
            // The marks for voiced sounds belong to the character before.
            '\u{ff9e}' | '\u{ff9f}' => {
                let voiced = |kana: char| match kana {
                    'ウ' => 'ヴ',
                    kana => char::from_u32(u32::from(kana) + code - 0xff9d).unwrap_or(kana),
                };
                if let Some(last) = wide.pop() {
                    wide.push(if ('ア'..='ン').contains(&last) { voiced(last) } else { last });
                }
            }
            char => wide.push(char),
        }
    }
    wide
}

/// What two names have in common that mean the same: letters and digits, without regard to case and width.
pub fn folded(name: &str) -> String {
    let letters = usual_width(name).chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    letters.to_lowercase()
}

/// A valid name for the column of a field, which matches the field's own; none where that has no letter.
pub fn column_name(name: &str) -> Option<String> {
    let mut made = String::with_capacity(name.len());
    let mut last = '_';
    for char in usual_width(name).chars() {
        let begins_word = !char.is_alphanumeric()
            || (char.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()));
        if begins_word && !made.is_empty() && !made.ends_with('_') {
            made.push('_');
        }
        if char.is_alphanumeric() {
            made.extend(char.to_lowercase());
        }
        last = char;
        if made.len() > NAME_BYTES_MAX {
            break;
        }
    }
    while made.len() > NAME_BYTES_MAX {
        made.pop();
    }
    let made = made.trim_end_matches('_');
    Some(match made {
        "" => return None,
        "rowid" | "oid" | "any" => format!("{made}_"),
        // Such names are reserved.
        made if made.starts_with("sqlite_") || made.starts_with("lotwise_") => {
            made.replacen('_', "", 1)
        }
        made => made.to_owned(),
    })
}

/// Names of the columns that fields would make, one after the other: valid, and each another one. A field
/// without a name is called after its place, the second of the same name name_2.
#[derive(Debug, Default)]
pub struct ColumnNames {
    taken: ByteNumbers,
    /// For each name that is taken, how many fields wanted it.
    wanted: Vec<usize>,
    fields: usize,
}

impl ColumnNames {
    /// The name for one field more.
    pub fn next(&mut self, field: &str) -> String {
        self.fields += 1;
        let name = column_name(field).unwrap_or_else(|| format!("column_{}", self.fields));
        let mut candidate = name.clone();
        // The name itself is taken as long as the candidate is.
        let same = self.taken.find(folded(&name).as_bytes());
        while let (Some(same), Some(_)) = (same, self.taken.find(folded(&candidate).as_bytes())) {
            let count = &mut self.wanted[same as usize];
            *count += 1;
            candidate = format!("{name}_{count}");
        }
        self.taken.number(folded(&candidate).as_bytes());
        self.wanted.push(1);
        candidate
    }
}

/// The names for all fields.
pub fn column_names(fields: &[String]) -> Vec<String> {
    let mut names = ColumnNames::default();
    fields.iter().map(|field| names.next(field)).collect()
}

/// Finds the dataset's column for names of a file.
#[derive(Debug)]
pub struct Matcher<'a> {
    dataset: &'a Dataset,
    /// Source column and dataset column, as the caller maps them.
    mapped: &'a [(String, String)],
}

impl<'a> Matcher<'a> {
    /// `mapped` is what the caller said, of columns that exist.
    pub const fn new(dataset: &'a Dataset, mapped: &'a [(String, String)]) -> Self {
        Self { dataset, mapped }
    }

    /// The column for a name: as mapped, else of exactly that name, else one that means the same.
    pub fn column_of(&self, name: &str) -> Result<Option<usize>> {
        let columns = &self.dataset.columns;
        if let Some((_, to)) = self.mapped.iter().find(|(from, _)| from == name) {
            return Ok(columns.iter().position(|column| column.name == *to));
        }
        let is_free = |column: &Column| self.mapped.iter().all(|(_, to)| *to != column.name);
        if let Some(at) = columns.iter().position(|column| column.name == name && is_free(column)) {
            return Ok(Some(at));
        }
        let Some(folded_name) = column_name(name).map(|name| folded(&name)) else {
            return Ok(None);
        };
        let mut alike = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_free(column) && folded(&column.name) == folded_name);
        match (alike.next(), alike.next()) {
            (Some((_, one)), Some((_, other))) => Err(Error::input(
                format!("column '{name}' of the file"),
                format!("may be '{}' or '{}'; say which in `columns`", one.name, other.name),
            )),
            (first, _) => Ok(first.map(|(at, _)| at)),
        }
    }

    /// The column for each of the names; none for a name that is not the dataset's.
    pub fn columns_of(&self, names: &[String]) -> Result<Vec<Option<usize>>> {
        let unique = column_names(names);
        let folds: Vec<String> = unique.iter().map(|name| folded(name)).collect();
        let mut found: Vec<Option<usize>> = Vec::with_capacity(names.len());
        for (i, name) in names.iter().enumerate() {
            let mut at = self.column_of(name)?;
            let is_renamed = column_name(name).is_none_or(|name| folded(&name) != folds[i]);
            if is_renamed && (at.is_none() || found.contains(&at)) {
                at = self.column_of(&unique[i])?.or(at);
            }
            if let Some(column) = at.filter(|_| found.contains(&at)) {
                let column = &self.dataset.columns[column].name;
                return Err(Error::input(
                    format!("column '{name}' of the file"),
                    format!(
                        "is the second for column '{column}'; say in `columns` which is meant, as {{ '{}': … }}",
                        unique[i]
                    ),
                ));
            }
            found.push(at);
        }
        self.check_mapped(names, &unique)?;
        Ok(found)
    }

    fn check_mapped(&self, names: &[String], unique: &[String]) -> Result<()> {
        let missing =
            self.mapped.iter().find(|(from, _)| !names.contains(from) && !unique.contains(from));
        match missing {
            None => Ok(()),
            Some((from, _)) => Err(Error::input(
                "columns",
                format!("the file has no column '{from}'; it has {}", names.join(", ")),
            )),
        }
    }
}
