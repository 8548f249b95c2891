//! Whose a row is: the unit id of its device, and what the list calls it.

use super::super::headers::Field;
use super::super::text::{plain, tidy};
use super::super::{messages, scan, station};
use super::Reading;

impl Reading<'_> {
    /// The unit id of the row's device: its own cell, else that of the row above or of a title.
    pub(super) fn which_station(&mut self) {
        let before = self.device.clone();
        if let Some((_, text)) = self.cell(&Field::Device) {
            self.device = Some(tidy(&text));
        }
        let Some(column) = self.column(&Field::Slave).map(|c| c.index) else { return };
        match self.cell(&Field::Slave) {
            None if before.is_some() && self.device != before && !self.around.block.exact => {
                self.fault(
                    column,
                    messages::DEVICE_WITHOUT_STATION,
                    "write the unit id of the device in every row",
                );
            }
            Some((_, text)) => match station::number(&text) {
                Some(unit) => self.station = Some(unit),
                None => self.fault(
                    column,
                    messages::no_station(&plain(&text)),
                    "a number from 1 to 247, or --map 'A=ignore' for this column if it is something else",
                ),
            },
            None if self.station.is_none() && scan::filled(self.around.sheet, self.row) >= 3 => {
                self.fault(column, messages::STATION_MISSING, "write the unit id of the device in every row");
            }
            None => {}
        }
    }
}
