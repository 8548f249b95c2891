//! Bits that one cell of a row lists: each becomes a point.

use super::super::address::{Address, Form};
use super::super::headers::Field;
use super::super::text::has_chinese;
use super::super::value::{Keys, Val};
use super::super::{lists, names};
use super::{Draft, Outcome, Reading, Slot};

impl Reading<'_> {
    /// Bits listed in one cell of the row.
    pub(super) fn listed_bits(&self, place: Option<&(usize, Address)>) -> Option<Vec<(u8, u8, String)>> {
        let (_, found) = place?;
        if found.bit.is_some() || self.cell(&Field::Bit).is_some() {
            return None;
        }
        let fields = [Field::Bits, Field::Labels, Field::Describe, Field::Name];
        let remarks = self.around.block.columns.iter().filter(|c| c.field == Field::Remark).map(|c| c.index);
        let columns = fields.iter().filter_map(|f| self.column(f).map(|c| c.index)).chain(remarks);
        columns.into_iter().find_map(|c| lists::bits(&self.around.sheet.down(self.row, c).shown()))
    }

    pub(super) fn bit_points(
        &mut self,
        bits: &[(u8, u8, String)],
        keys: &Keys,
        slot: Option<Slot>,
        column: usize,
        form: Option<Form>,
    ) -> Outcome {
        let Some(slot) = slot else { return Outcome::Points(Vec::new()) };
        if slot.registers > 1 {
            self.fault(
                column,
                "a list of bits for more than one register",
                "one row a register, with its own list",
            );
            return Outcome::Points(Vec::new());
        }
        let invert = self.cell(&Field::Invert).and_then(|(_, t)| lists::flag(&t)).unwrap_or(false);
        let named = bits.iter().filter(|(_, _, name)| !names::is_reserved(name));
        let points = named.map(|(bit, last, name)| {
            let mut keys = keys.clone();
            keys.retain(|k, _| matches!(k.as_str(), "address" | "table" | "order"));
            if bit < last {
                keys.insert("type".to_owned(), Val::text("bits"));
                keys.insert("bits".to_owned(), Val::numbers(&[f64::from(*bit), f64::from(*last)]));
            } else {
                keys.insert("bit".to_owned(), Val::Number(f64::from(*bit)));
            }
            if invert && bit == last {
                keys.insert("invert".to_owned(), Val::Flag(true));
            }
            if bit == last {
                keys.insert("unit".to_owned(), Val::text("bool"));
            }
            let language = if has_chinese(name) { "name" } else { "name_en" };
            keys.insert(language.to_owned(), Val::text(name));
            let kind = self.around.kind;
            let known = names::named(name, kind).map(|found| found.id.to_owned());
            let id = known.or_else(|| names::slug(name)).or_else(|| names::translated(name, kind));
            let slot = Some(Slot { bit: Some(*bit), ..slot });
            Draft {
                id,
                explicit: false,
                keys,
                comment: None,
                row: self.row,
                column,
                slot,
                references: Vec::new(),
                form,
                station: self.station,
                device: self.device.clone(),
            }
        });
        Outcome::Points(points.collect())
    }
}
