//! Tables on stdout: a line a row, columns apart by two spaces.

use comfy_table::{Row, Table, presets};

/// A table of these rows, without lines and colours.
pub(super) fn new<R: Into<Row>>(
    header: impl Into<Row>,
    rows: impl IntoIterator<Item = R>,
) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(header)
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Its lines, each with its end and without spaces before that.
pub(super) fn lines(table: &Table) -> Vec<String> {
    let lines = table.lines();
    lines
        .map(|line| line.trim_end().to_owned() + "\n")
        .collect()
}

/// An empty cell.
pub(super) fn dash() -> String {
    "-".to_owned()
}
