//! The oddities: a name, how each is put into a table, and what must become of it.

use super::draft::Draft;

/// What must become of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Expected {
    /// It is completed rightly.
    Right,
    /// The same, and the column `odd` is of this type.
    Is(&'static str),
    /// The same, and training or completing it warns in these words.
    Warned(&'static str),
    /// Training refuses it, in these words.
    Refused(&'static str),
}

use Expected::{Is, Refused, Right, Warned};

/// An oddity.
pub(super) type Oddity = (&'static str, fn(&mut Draft), Expected);

/// Those of the file.
pub(super) const FILES: &[Oddity] = &[
    ("byte-order mark", |t| t.start = "\u{feff}", Right),
    ("CRLF", |t| t.line_end = "\r\n", Right),
    ("lone CR", |t| t.line_end = "\r", Right),
    ("no line end at the end", |t| t.ends_in_line_end = false, Right),
    ("blank lines", |t| t.blank_lines = true, Right),
    ("blank lines above", |t| t.start = "\n\n", Right),
    ("all in quotes", |t| t.quote_all = true, Right),
    ("blanks around cells", |t| t.around = "  ", Right),
    ("tabs around cells", |t| t.around = "\t", Right),
    ("NA for missing", |t| t.missing = "NA", Right),
    ("question marks for missing", |t| t.missing = "?", Right),
    ("empty quotes for missing", |t| t.missing = "\"\"", Right),
    ("comma behind rows", |t| t.behind = ",", Refused("found 4 cells; expected 3")),
    ("bytes that are no UTF-8", |t| t.tail = b"1,2,\xe9\n", Refused("UTF-8")),
    ("open quote", |t| t.tail = b"1,2,\"low\n", Refused("quote")),
    ("short last row", |t| t.tail = b"1,2\n", Refused("cells")),
];

/// Those of the header.
pub(super) const HEADERS: &[Oddity] = &[
    ("no name", |t| t.whole_column("", |row| (row * row % 17).to_string()), Refused("no name")),
    ("twice the same name", |t| t.header[1] = "x".into(), Refused("\"x\"")),
    ("a very long name", |t| t.header[0] = "long ".repeat(3000), Right),
    ("an emoji name", |t| t.header[0] = "🌡️ °C 温度".into(), Right),
    ("a name with quotes, dots and brackets", |t| t.header[2] = "a.\"b\".c = [1]\\".into(), Right),
    ("a name of two lines", |t| t.header[0] = "body\nmass".into(), Right),
    ("a name with a comma", |t| t.header[2] = "one, two".into(), Right),
    ("a name with a tab", |t| t.header[1] = "one\ttwo".into(), Right),
    ("years for names", |t| rename(t, ["2019", "2020", "2021"]), Right),
    ("a formula for a name", |t| t.header[0] = "=SUM(A1)".into(), Right),
    ("a name like an option", |t| t.header[0] = "--out".into(), Right),
    ("a control character in a name", |t| t.header[0] = "a\u{1}b".into(), Right),
    ("numbers for a header", |t| rename(t, ["0.5", "1", "7"]), Refused("header")),
];

/// Those of a column.
pub(super) const COLUMNS: &[Oddity] = &[
    ("constant", |t| t.whole_column("odd", |_| "7".into()), Warned("\"odd\" is constant")),
    ("constant with missing cells", |t| t.column("odd", |_| "7".into()), Refused("\"odd\" is constant")),
    ("nothing observed", nothing_observed, Refused("\"odd\" has no observed value")),
    ("two observed cells", two_observed, Right),
    ("one observed cell", one_observed, Refused("\"odd\" is constant")),
    ("names of rows", |t| t.column("odd", |row| format!("r{}", row * 7919 % 1000)), Warned("identifier")),
    ("numbers of rows", |t| t.whole_column("odd", |row| (row + 1).to_string()), Warned("identifier")),
    ("free text", |t| t.column("odd", |row| "so it goes, ".repeat(1 + row / 2)), Warned("free text")),
    ("a very long cell", |t| t.column("odd", |row| "z".repeat(if row == 9 { 300_000 } else { row + 1 })), Right),
    ("0 and 1", |t| t.levels("odd", &["0", "1"]), Is("binary")),
    ("yes and no", |t| t.levels("odd", &["yes", "no"]), Is("binary")),
    ("TRUE and FALSE", |t| t.levels("odd", &["TRUE", "FALSE"]), Is("binary")),
    ("1.0 and 2.0", |t| t.levels("odd", &["1.0", "2.0"]), Is("binary")),
    ("codes with zeros in front", |t| t.levels("odd", &["007", "010", "120"]), Is("categorical")),
    ("months of two digits", |t| t.levels("odd", &["01", "02", "03", "04"]), Is("ordinal")),
    ("postcodes", |t| t.column("odd", |row| format!("{:05}", 1000 + row * 7919 % 89_000)), Warned("identifier")),
    (
        "repeated postcodes",
        |t| t.column("odd", |row| format!("{:05}", row / 2 * 7919 % 89_000)),
        Warned("zeros in front"),
    ),
    ("numbers with zeros in front", |t| numbers(t, |u| format!("{:07.3}", 90.0 * u)), Is("numeric")),
    ("levels beyond ASCII", |t| t.levels("odd", &["männlich", "女性"]), Is("binary")),
    ("combined characters", |t| t.levels("odd", &["e\u{301}", "é", "👩‍🔬"]), Is("categorical")),
    ("levels of two lines", |t| t.levels("odd", &["one\ntwo", "three", "four"]), Is("categorical")),
    ("levels with quotes", |t| t.levels("odd", &["5\" disk", "\"", "none at all"]), Is("categorical")),
    ("levels with commas", |t| t.levels("odd", &["a, b", "a", "b"]), Is("categorical")),
    ("levels with tabs", |t| t.levels("odd", &["a\tb", "a", "b"]), Is("categorical")),
    ("levels that differ in case", |t| t.levels("odd", &["low", "LOW", "Low"]), Is("categorical")),
    ("levels of which some are numbers", |t| t.levels("odd", &["1", "2", "3+"]), Is("categorical")),
    ("N/A among levels", |t| t.levels("odd", &["a", "b", "N/A"]), Warned("--missing-value")),
    ("a level in the last row alone", late_level, Is("categorical")),
    ("a level with NUL", |t| t.levels("odd", &["a\0", "b", "c"]), Is("categorical")),
    ("sixty levels", sixty_levels, Is("categorical")),
    ("whole numbers as 1e6", |t| t.levels("odd", &["1e6", "2E6", "3e+6", "15e5"]), Right),
    ("hexadecimal", |t| t.levels("odd", &["0x1F", "0xA0", "0xFF"]), Is("categorical")),
    ("negative whole numbers", |t| numbers(t, |u| format!("{:.0}", 60.0 * u - 90.0)), Is("numeric")),
    ("counts", |t| numbers(t, |u| format!("{:.0}", (5.0 * u).exp() - 1.0)), Is("count")),
    ("decimals with +", |t| numbers(t, |u| format!("{:+.2}", 9.0 * u - 4.0)), Is("numeric")),
    ("decimals without a digit in front", |t| numbers(t, |u| format!("{u:.3}").replace("0.", ".")), Is("numeric")),
    ("scientific notation", |t| numbers(t, |u| format!("{:.4E}", 1e-7 * (1.0 + u))), Is("numeric")),
    ("tiny numbers", |t| numbers(t, |u| format!("{:e}", 1e-300 * (1.0 + u))), Refused("change the unit")),
    (
        "denormal numbers",
        |t| numbers(t, |u| format!("{:e}", 5e-324 * (1.0 + 90.0 * u).round())),
        Refused("change the unit"),
    ),
    ("huge numbers", |t| numbers(t, |u| format!("{:e}", 1e308 * (u - 0.5))), Refused("change the unit")),
    ("from tiny to huge", |t| numbers(t, |u| format!("{:e}", 10_f64.powf(40.0 * u - 20.0))), Right),
    ("very skewed", |t| numbers(t, |u| format!("{}", (9.0 * u).exp())), Right),
    ("whole numbers beyond 2^53", |t| numbers(t, |u| format!("{}", 9_007_199_254_740_993 + (1e6 * u) as u64)), Right),
    ("infinite", |t| numbers(t, |u| if u > 0.9 { "inf".into() } else { format!("{u}") }), Refused("infinite")),
    ("one far value", |t| numbers(t, |u| if u > 0.98 { "1e12".into() } else { format!("{u}") }), Warned("\"odd\"")),
    ("codes for missing", |t| numbers(t, |u| if u > 0.8 { "-999".into() } else { format!("{u}") }), Warned("-999")),
    ("mostly zero", |t| numbers(t, |u| if u < 0.9 { "0".into() } else { format!("{u:.2}") }), Right),
    ("negative zero", |t| t.levels("odd", &["-0", "0.5", "1.5"]), Right),
    ("numbers and text", |t| numbers(t, |u| if u > 0.9 { "high".into() } else { format!("{u}") }), Refused("has text")),
    ("a proper minus sign", |t| numbers(t, |u| format!("{}", u - 0.5).replace('-', "−")), Refused("has text")),
    ("decimal commas", |t| numbers(t, |u| format!("{u:.2}").replace('.', ",")), Refused("has text")),
    (
        "thousands separators",
        |t| numbers(t, |u| format!("{},{:03.0}", (9.0 * u) as u8 + 1, 999.0 * u)),
        Refused("text"),
    ),
    ("percent signs", |t| numbers(t, |u| format!("{:.1}%", 100.0 * u)), Warned("\"odd\"")),
    ("currency signs", |t| numbers(t, |u| format!("${:.2}", 90.0 * u)), Warned("\"odd\"")),
    ("dates", |t| dates(t, |y, m, d| format!("{y}-{m:02}-{d:02}")), Is("date")),
    ("German dates", |t| dates(t, |y, m, d| format!("{d:02}.{m:02}.{y}")), Is("date")),
    ("American dates", |t| dates(t, |y, m, d| format!("{m:02}/{d:02}/{:02}", y % 100)), Is("date")),
    ("dates with times", |t| dates(t, |y, m, d| format!("{y}-{m:02}-{d:02} {m:02}:{d:02}:07")), Is("date")),
    ("times in UTC", |t| dates(t, |y, m, d| format!("{y}-{m:02}-{d:02}T{m:02}:{d:02}:07Z")), Is("date")),
    ("dates of digits", |t| dates(t, |y, m, d| format!("{y}{m:02}{d:02}")), Right),
    ("dates of two formats", |t| dates(t, mixed_date), Warned("\"odd\"")),
    (
        "a date with a slip",
        |t| dates(t, |y, m, d| format!("{y}-{m:02}-{}", if d == 27 { 32 } else { d })),
        Warned("\"odd\""),
    ),
    ("dates of antiquity", |t| dates(t, |y, m, d| format!("{:04}-{m:02}-{d:02}", y - 1990)), Is("date")),
];

/// Those of the whole table.
pub(super) const TABLES: &[Oddity] = &[
    ("one row", |t| t.rows.truncate(1), Refused("constant")),
    ("two rows", |t| t.rows.truncate(2), Refused("constant")),
    ("three rows", |t| t.rows.truncate(3), Right),
    ("no row", |t| t.rows.clear(), Refused("row")),
    ("one column", one_column, Right),
    ("nothing missing", nothing_missing, Right),
    ("nothing at all observed", |t| t.rows.iter_mut().flatten().for_each(|cell| *cell = None), Refused("every cell")),
    ("an empty row", |t| t.rows[30].fill(None), Right),
    ("mostly empty rows", |t| t.rows[5..55].iter_mut().for_each(|row| row.fill(None)), Right),
    ("wider than long", wide, Right),
    ("sorted rows", |t| t.rows.sort_by(|a, b| a[1].cmp(&b[1])), Right),
    ("the same row throughout", |t| same_rows(t), Refused("constant")),
    ("copies of a column", copies, Right),
    ("columns that add up", sums, Right),
];

/// Adds a column `odd` of numbers that are made of random ones from 0 to 1.
fn numbers(t: &mut Draft, text: fn(f64) -> String) {
    let uniform = t.uniform();
    t.column("odd", |row| text(uniform[row]));
}

/// Adds a column `odd` of dates that are made of a year, a month and a day.
fn dates(t: &mut Draft, text: fn(usize, usize, usize) -> String) {
    let [years, months] = [9, 12].map(|below| t.random(below));
    // Days beyond the twelfth tell them from months.
    t.column("odd", |row| text(2010 + years[row], 1 + months[row], 1 + row % 28));
}

fn mixed_date(y: usize, m: usize, d: usize) -> String {
    if d.is_multiple_of(2) { format!("{y}-{m:02}-{d:02}") } else { format!("{d:02}.{m:02}.{y}") }
}

fn nothing_observed(t: &mut Draft) {
    t.column("odd", |_| String::new());
    t.rows.iter_mut().for_each(|row| row[3] = None);
}

fn one_observed(t: &mut Draft) {
    nothing_observed(t);
    t.rows[20][3] = Some("3.5".into());
}

fn two_observed(t: &mut Draft) {
    one_observed(t);
    t.rows[40][3] = Some("4.5".into());
}

fn late_level(t: &mut Draft) {
    t.levels("odd", &["a", "b"]);
    if let Some(row) = t.rows.last_mut() {
        row[3] = Some("late".into());
    }
}

fn sixty_levels(t: &mut Draft) {
    let filled = t.rows.clone();
    t.rows.extend((0..4).flat_map(|_| filled.clone()));
    t.column("odd", |row| format!("level {}", row * 7 % 60 * 2));
}

fn one_column(t: &mut Draft) {
    // A blank line would be none.
    t.missing = "NA";
    t.header.truncate(1);
    t.rows.iter_mut().for_each(|row| row.truncate(1));
}

fn nothing_missing(t: &mut Draft) {
    t.rows.retain(|row| row.iter().all(Option::is_some));
}

fn wide(t: &mut Draft) {
    t.rows.truncate(40);
    for column in 0..300 {
        let uniform = t.uniform();
        t.column(&format!("c{column}"), |row| format!("{:.3}", uniform[row]));
    }
}

fn same_rows(t: &mut Draft) {
    let row = t.rows[0].clone();
    t.rows.fill(row);
}

fn copies(t: &mut Draft) {
    for copy in 0..3 {
        t.header.push(format!("x again {copy}"));
        t.rows.iter_mut().for_each(|row| row.push(row[0].clone()));
    }
}

fn sums(t: &mut Draft) {
    let number = |cell: &Option<String>| cell.as_deref().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let whole: Vec<f64> = t.rows.iter().map(|row| number(&row[0]) + number(&row[1])).collect();
    t.column("sum", |row| format!("{:.3}", whole[row]));
}

/// Gives the first columns other names.
fn rename(t: &mut Draft, names: [&str; 3]) {
    t.header.iter_mut().zip(names).for_each(|(old, name)| *old = name.to_owned());
}
