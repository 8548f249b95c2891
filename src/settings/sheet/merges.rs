//! Cells joined to one.

/// Cells joined to one: first and last row and column, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// First and last row.
    pub rows: (usize, usize),
    /// First and last column.
    pub columns: (usize, usize),
}

/// The joined cells of a sheet, by their first column and row: a list of thousands of rows has as many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merges(Vec<Merge>);

impl From<Vec<Merge>> for Merges {
    fn from(mut all: Vec<Merge>) -> Self {
        all.sort_by_key(|m| (m.columns.0, m.rows.0));
        Self(all)
    }
}

impl Merges {
    /// All of them.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Merge> {
        self.0.iter()
    }

    /// The one that begins in this column, at this row or above it, and holds the cell.
    pub(super) fn beginning(&self, row: usize, column: usize) -> Option<&Merge> {
        let end = self.0.partition_point(|m| (m.columns.0, m.rows.0) <= (column, row));
        self.0[..end].last().filter(|m| m.columns.0 == column && row <= m.rows.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cells_that_hold_a_place_are_found_in_any_order_they_are_told_in() {
        let merge = |rows, columns| Merge { rows, columns };
        let all =
            vec![merge((5, 6), (1, 1)), merge((1, 1), (1, 3)), merge((2, 4), (1, 2)), merge((2, 9), (0, 0))];
        let reversed: Merges = all.iter().rev().copied().collect::<Vec<_>>().into();
        let merges: Merges = all.into();
        assert_eq!(merges, reversed);
        for (at, rows) in
            [((3, 1), Some((2, 4))), ((4, 1), Some((2, 4))), ((5, 1), Some((5, 6))), ((9, 0), Some((2, 9)))]
        {
            assert_eq!(merges.beginning(at.0, at.1).map(|m| m.rows), rows, "{at:?}");
        }
        for at in [(3, 2), (7, 1), (10, 0), (1, 0), (0, 1)] {
            assert_eq!(merges.beginning(at.0, at.1), None, "{at:?}");
        }
    }
}
