//! One list that writes its addresses in several ways: like 40001 and 00001, which count from 1 and name their table, and
//! as plain numbers. Where nothing says from which number the plain ones count, that is asked; the same `00001` as the first
//! coil and as the second register of another table is a problem.

use std::collections::BTreeSet;

use super::address::Form;
use super::headers::Field;
use super::import::Found;
use super::scan::Block;
use super::text::{letters, plain};
use super::{Sheet, Trouble, messages};

/// The first row whose address is `00000`: the list fills plain numbers up with zeros, and counts from 0.
pub(super) fn zero(sheet: &Sheet, block: &Block) -> Option<usize> {
    let column = block.column(&Field::Address).filter(|c| !c.hex && !block.exact)?.index;
    let is_zero = |row: &usize| {
        let text = plain(&sheet.down(*row, column).shown());
        matches!(text.len(), 5 | 6) && text.bytes().all(|b| b == b'0')
    };
    block.rows.clone().find(is_zero)
}

/// What was seen of a list whose base nothing tells.
pub(super) struct Seen<'a> {
    pub(super) sheet: &'a Sheet,
    pub(super) block: &'a Block,
    /// Rows filled up with zeros, and whether they were read as coils.
    pub(super) filled_up: &'a [(usize, bool)],
    /// The row of `00000`.
    pub(super) zero: Option<usize>,
    pub(super) base: u8,
}

impl Seen<'_> {
    /// Tells what is open, and gives the rows that are read one off whatever is meant; they are left out.
    pub(super) fn told(
        &self,
        found: &[Found],
        warnings: &mut Vec<Trouble>,
        faults: &mut Vec<Trouble>,
    ) -> BTreeSet<usize> {
        let Some(column) = self.block.column(&Field::Address).map(|c| c.index) else {
            return BTreeSet::new();
        };
        let shown = |row: usize| plain(&self.sheet.down(row, column).shown());
        let trouble = |row: usize, problem: String, remedy: &str| Trouble {
            sheet: self.sheet.name.clone(),
            row: row + 1,
            column: letters(column),
            problem,
            remedy: remedy.to_owned(),
        };
        if let Some(row) = self.zero {
            warnings.push(trouble(row, messages::counted_from_zero(&shown(row)), messages::BASE_REMEDY));
        }
        let coil = self.filled_up.iter().find(|(_, coil)| *coil).map(|(row, _)| *row);
        let others: Vec<usize> =
            self.filled_up.iter().filter(|(_, coil)| !coil).map(|(row, _)| *row).collect();
        let mut out = BTreeSet::new();
        match (coil, others.first()) {
            (Some(coil), Some(_)) => {
                for row in others {
                    let problem = messages::coil_and_other(&shown(row), &shown(coil));
                    faults.push(trouble(row, problem, messages::NOTATION_REMEDY));
                    out.insert(row);
                }
            }
            (None, Some(first)) => {
                let problem = messages::filled_up_with_zeros(others.len(), &shown(*first), self.base);
                warnings.push(trouble(*first, problem, messages::NOTATION_REMEDY));
            }
            _ => {}
        }
        let of = |wanted: &dyn Fn(Form) -> bool| {
            found
                .iter()
                .filter(|f| !out.contains(&f.draft.row))
                .find(|f| f.draft.form.is_some_and(wanted))
                .map(|f| f.draft.row)
        };
        let bare = of(&|form| form != Form::Modicon);
        if let (Some(whole), Some(bare)) = (of(&|form| form == Form::Modicon), bare) {
            let problem = messages::two_notations(&shown(bare), self.base, &shown(whole));
            warnings.push(trouble(bare, problem, messages::NOTATION_REMEDY));
        }
        out
    }
}
