//! Which columns of a file are wanted.

use super::dialect::Dialect;
use super::error::{Error, Result};

/// The column names of a file, as written there.
pub(super) struct Header {
    /// The file, for messages.
    pub(super) file: String,
    /// The line that the header starts on; for arrays, 0.
    pub(super) line: u64,
    /// A name for each column, without blanks around it. It may be empty, and need not be unique.
    pub(super) names: Vec<String>,
    /// Height and width, if the file says that its rows are images.
    pub(super) image: Option<[usize; 2]>,
    /// How the file is written, if it is a text.
    pub(super) dialect: Option<Dialect>,
}

/// A choice of columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Use only these, if given, in the file's order.
    pub(super) columns: Option<Vec<String>>,
    /// Leave these out.
    pub(super) ignore: Vec<String>,
}

impl Selection {
    /// The places of the chosen columns, in the file's order.
    ///
    /// # Errors
    /// [`Error::UnknownColumns`] for names that the file does not have, [`Error::NothingSelected`].
    pub(super) fn resolve(&self, header: &Header) -> Result<Vec<usize>> {
        let named = self.columns.iter().flatten().chain(&self.ignore);
        let unknown: Vec<String> = named.filter(|name| !header.names.contains(name)).cloned().collect();
        if !unknown.is_empty() {
            return Err(Error::UnknownColumns { file: header.file.clone(), unknown, available: header.names.clone() });
        }
        let chosen = |name: &String| {
            self.columns.as_ref().is_none_or(|columns| columns.contains(name)) && !self.ignore.contains(name)
        };
        let places: Vec<usize> = (0..header.names.len()).filter(|&place| chosen(&header.names[place])).collect();
        if places.is_empty() {
            return Err(Error::NothingSelected { file: header.file.clone() });
        }
        Ok(places)
    }
}

impl Header {
    /// Whether the names are made up: an array has none.
    pub(super) fn of_array(&self) -> bool {
        self.line == 0
    }

    /// The places of a model's columns, in the model's order; other columns of the file do not matter.
    ///
    /// # Errors
    /// [`Error::MissingColumns`] lists what the file lacks; [`Error::DuplicateColumn`] for a name that stands twice.
    pub(super) fn locate(&self, names: &[String]) -> Result<Vec<usize>> {
        let (mut places, mut missing) = (Vec::with_capacity(names.len()), Vec::new());
        for name in names {
            match self.names.iter().position(|other| other == name) {
                Some(place) => places.push(place),
                None => missing.push(name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(Error::MissingColumns { file: self.file.clone(), missing, available: self.names.clone() });
        }
        self.check_distinct(names)?;
        Ok(places)
    }

    /// Checks that the columns at these places have names, each its own.
    ///
    /// # Errors
    /// [`Error::UnnamedColumn`], [`Error::DuplicateColumn`].
    pub(super) fn check_names(&self, places: &[usize]) -> Result<()> {
        if let Some(&place) = places.iter().find(|&&place| self.names[place].is_empty()) {
            return Err(Error::UnnamedColumn { file: self.file.clone(), line: self.line, position: place + 1 });
        }
        let names: Vec<String> = places.iter().map(|&place| self.names[place].clone()).collect();
        self.check_distinct(&names)
    }

    fn check_distinct(&self, wanted: &[String]) -> Result<()> {
        let wanted: std::collections::HashSet<&String> = wanted.iter().collect();
        let mut seen = std::collections::HashMap::new();
        for (place, name) in self.names.iter().enumerate().filter(|(_, name)| wanted.contains(name)) {
            if let Some(first) = seen.insert(name, place + 1) {
                let (file, line, name) = (self.file.clone(), self.line, name.clone());
                return Err(Error::DuplicateColumn { file, line, name, first, second: place + 1 });
            }
        }
        Ok(())
    }
}

/// Reads a list of names such as `a,b`; a name with a comma stands in double quotes: `"a, b",c`.
///
/// # Errors
/// [`Error::ColumnList`] for an empty list or an empty name.
pub fn parse_names(text: &str) -> Result<Vec<String>> {
    let wrong = || Error::ColumnList { text: text.to_owned() };
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let names: Vec<String> = match (records.next(), records.next()) {
        (Some(Ok(record)), None) => record.iter().map(str::to_owned).collect(),
        _ => return Err(wrong()),
    };
    if names.iter().any(String::is_empty) { Err(wrong()) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.into()).collect()
    }

    fn header(list: &[&str]) -> Header {
        Header { file: "t.csv".into(), line: 1, names: names(list), image: None, dialect: None }
    }

    #[test]
    fn the_files_order_is_kept() {
        let header = header(&["a", "b", "c", "d"]);
        let pick = |columns: Option<&[&str]>, ignore: &[&str]| {
            Selection { columns: columns.map(names), ignore: names(ignore) }.resolve(&header)
        };
        assert_eq!(pick(None, &[]).unwrap(), [0, 1, 2, 3]);
        assert_eq!(pick(Some(&["d", "a"]), &[]).unwrap(), [0, 3]);
        assert_eq!(pick(Some(&["d", "a"]), &["a"]).unwrap(), [3]);
        assert!(matches!(pick(Some(&["a"]), &["a"]), Err(Error::NothingSelected { .. })));
        let error = pick(Some(&["a", "B", "zzz"]), &[]).unwrap_err();
        assert_eq!(error.to_string(), r#"t.csv: no column named "B", "zzz"; the file has "a", "b", "c", "d""#);
    }

    #[test]
    fn a_models_columns_are_found_by_name() {
        let header = header(&["x", "b", "", "a", "x"]);
        assert_eq!(header.locate(&names(&["a", "b"])).unwrap(), [3, 1]);
        assert!(matches!(header.locate(&names(&["x"])), Err(Error::DuplicateColumn { first: 1, second: 5, .. })));
        assert!(matches!(header.check_names(&[1, 2]), Err(Error::UnnamedColumn { position: 3, .. })));
        header.check_names(&[0, 1]).unwrap_err();
        header.check_names(&[1, 3]).unwrap();
        let error = header.locate(&names(&["a", "q"])).unwrap_err();
        assert!(matches!(&error, Error::MissingColumns { missing, .. } if *missing == ["q"]));
    }

    #[test]
    fn lists_of_names() {
        assert_eq!(parse_names(r#"a,"b, c", d e "#).unwrap(), ["a", "b, c", "d e"]);
        for text in ["", "a,", "a\nb", ",a"] {
            assert!(parse_names(text).is_err(), "{text:?}");
        }
    }
}
