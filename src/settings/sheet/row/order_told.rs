//! The byte order of a row: from its column, the cell of its type, or a remark.

use super::super::byte_said::byte_of;
use super::super::headers::Field;
use super::super::order::{Order, contradicts, is_of_all, order, speaks};
use super::super::text::{plain, tidy};
use super::super::types::width;
use super::super::value::{Keys, Val};
use super::super::{lists, messages};
use super::Reading;

impl Reading<'_> {
    /// The byte order, from its column, the type's cell or a remark. What speaks of it and is not used is told.
    pub(super) fn order(
        &mut self,
        key: Option<&str>,
        own: Option<(usize, Order)>,
        keys: &mut Keys,
    ) -> Option<()> {
        let exact = self.around.block.exact;
        let narrow = key.is_none_or(|k| width(k) == Some(1));
        let mut found = own;
        // See `rest_of_export`.
        if exact {
            return Some(());
        }
        if let Some((column, text)) = self.cell(&Field::Order) {
            let title = self.column(&Field::Order).map_or("", |c| c.title.as_str());
            match order(&text).or_else(|| swap_asked(title, &text)) {
                Some(order) => found = Some((column, order)),
                None => {
                    let remedy = "ABCD, CDAB, BADC or DCBA; 1.25 is 3FA0 0000 in ABCD and 0000 3FA0 in CDAB";
                    self.fault(column, format!("`{}` is not a byte order", plain(&text)), remedy);
                    return None;
                }
            }
        }
        if !exact {
            self.order_in_remarks(narrow, key, &mut found);
        }
        let Some((column, order)) = found else { return Some(()) };
        // With one register only the bytes can be swapped: AB CD and CD AB say nothing there.
        if narrow && matches!(order.key.as_str(), "abcd" | "cdab" | "ab") && !exact {
            return Some(());
        }
        if order.doubtful {
            let remedy = "check on site: 1.25 is 0000 3FA0 in CDAB, A03F 0000 in BADC, 0000 A03F in DCBA";
            self.warn(
                column,
                format!("the byte order is not plain; taken as {}", order.key.to_uppercase()),
                remedy,
            );
        }
        let swapped = narrow && !exact && matches!(order.key.as_str(), "badc" | "dcba");
        keys.insert("order".to_owned(), Val::Text(if swapped { "ba".to_owned() } else { order.key }));
        Some(())
    }

    /// Remarks that speak of the byte order: the first that is understood counts where no column and no type says one.
    pub(super) fn order_in_remarks(
        &mut self,
        narrow: bool,
        key: Option<&str>,
        found: &mut Option<(usize, Order)>,
    ) {
        let around = self.around;
        let texts = around.block.columns.iter().filter(|c| {
            matches!(c.field, Field::Remark | Field::Describe | Field::Name | Field::Passed | Field::Labels)
        });
        for c in texts {
            let text = around.sheet.down(self.row, c.index).shown();
            // One byte of a single register: see `which_byte`.
            if !speaks(&text) || narrow && byte_of(&text).is_some() {
                continue;
            }
            if contradicts(&text) && !narrow {
                self.fault(c.index, messages::order_contradicts(&tidy(&text)), messages::ORDER_REMEDY);
                continue;
            }
            let told = order(&text);
            match (told, &*found) {
                (Some(_), _) if is_of_all(&text) => self.order_notes.push(c.index),
                (Some(_), _) if narrow => {
                    self.warn(c.index, messages::order_of_one_register(&tidy(&text)), messages::ORDER_REMEDY);
                }
                (Some(told), None) if key.is_some() => *found = Some((c.index, told)),
                (Some(told), Some((_, own))) if *own != told => {
                    self.warn(
                        c.index,
                        messages::order_differs(&tidy(&text), &own.key),
                        messages::ORDER_REMEDY,
                    );
                }
                (Some(_), _) => {}
                (None, _) => self.warn(c.index, messages::order_unread(&tidy(&text)), messages::ORDER_REMEDY),
            }
        }
    }
}

/// 是 or 否 in a column called 字交换: whether its words are exchanged.
fn swap_asked(title: &str, text: &str) -> Option<Order> {
    if !speaks(title) {
        return None;
    }
    if lists::flag(text)? { order(title) } else { order(&format!("{title}: no")) }
}
