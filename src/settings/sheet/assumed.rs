//! What holds for a whole sheet because nothing in it says otherwise: each is told once, with its first cell.

use super::address::Form;
use super::headers::Field;
use super::import::{Found, Imported, whole};
use super::messages;
use super::of_sheet::OfSheet;
use super::row::Draft;
use super::scan::Block;
use super::value::{Keys, Val};
use crate::settings::Table;

impl OfSheet<'_> {
    /// What holds for the whole sheet because nothing in it says otherwise.
    pub(super) fn warn_of_what_was_assumed(
        &self,
        blocks: &[Block],
        imported: &mut Imported,
        drafts: &[Found],
    ) {
        if self.exact {
            return;
        }
        let own = || drafts.iter().filter(|d| d.sheet == self.sheet.name).map(|d| &d.draft);
        if let Some((row, column)) = self.assumed {
            let problem =
                "nothing says which table plain addresses are in: holding registers taken".to_owned();
            let remedy = "a column 功能码, addresses like 40001, or --table input";
            imported.warnings.push(self.trouble(row + 1, Some(column), problem, remedy));
        }
        let told = self.options.address_base.is_some()
            || own().any(|d| self.places.at(d.row).base.is_some())
            || imported.head.contains_key("address_base")
            || blocks.iter().filter_map(|b| b.column(&Field::Address)).any(|c| c.base.is_some());
        let plain = own().filter(|d| d.form == Some(Form::Plain));
        let lowest = plain.filter_map(|d| Some((d.slot?.first, d.row, d.column))).min();
        if let Some((1, row, column)) = lowest.filter(|_| !told) {
            let problem =
                "the lowest address is 1: does the list count from 1? Taken as counted from 0".to_owned();
            let remedy = "--address-base 1, or a header like 地址(从1开始)";
            imported.warnings.push(self.trouble(row + 1, Some(column), problem, remedy));
        }
        let untyped = blocks.iter().find(|b| b.column(&Field::Type).is_none() && !b.exact);
        let registers = own().any(|d| {
            !d.keys.contains_key("bit")
                && d.slot.is_some_and(|s| matches!(s.table, Table::HoldingRegister | Table::InputRegister))
        });
        let type_remedy = "a column 数据类型 with UINT16, INT16, FLOAT …";
        if let (Some(block), true) = (untyped, registers) {
            let problem = "no column tells the data type: unsigned 16-bit numbers taken".to_owned();
            imported.warnings.push(self.trouble(block.header.start + 1, None, problem, type_remedy));
        }
        if let Some((row, _)) = self.untyped.first() {
            let names: Vec<String> = self.untyped.iter().map(|(_, name)| name.clone()).collect();
            let problem = messages::types_missing(names.len(), &some_of(&names));
            imported.warnings.push(self.trouble(row + 1, None, problem, type_remedy));
        }
        if let Some((row, _)) = self.low_bytes.first() {
            let names: Vec<String> = self.low_bytes.iter().map(|(_, name)| name.clone()).collect();
            let problem = messages::low_bytes(names.len(), &some_of(&names));
            let remedy =
                "write 高字节 or `high byte` in the remark, or INT8 高字节 as the type, if it is the other";
            imported.warnings.push(self.trouble(row + 1, None, problem, remedy));
        }
        let bare = |d: &&Draft| {
            let analogue = |k: &str| k.starts_with("limits.") && !k.starts_with("limits.state");
            let has = |end: &str| d.keys.keys().any(|k| analogue(k) && k.ends_with(end));
            has(".at") && !has(".deadband") && !has(".on_delay")
        };
        let count = own().filter(bare).count();
        if count > 0 {
            imported.warnings.push(whole(
                &self.sheet.name,
                &format!("{count} points have limits without deadband or delay; their alarms will chatter"),
                "columns 死区 and 报警延时, or write them in the profile: they are kept when the sheet is read again",
            ));
        }
    }
}

/// What a person knows a point by.
pub(super) fn called(keys: &Keys, id: Option<&str>, row: usize) -> String {
    let name = keys.get("name").or_else(|| keys.get("name_en")).and_then(Val::as_text).or(id);
    name.map_or_else(|| format!("row {}", row + 1), str::to_owned)
}

/// The first few of many names.
pub(super) fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}
