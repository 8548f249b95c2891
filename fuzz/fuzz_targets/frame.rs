//! Modbus frames as they come off a wire: what is taken for an answer fits its request, whatever stands around it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steamward::field::modbus::frame::{Answer, Ask, Rtu, check, rtu, tcp};
use steamward::settings::Table;

const ASKS: [Ask; 4] = [
    Ask::Read { table: Table::HoldingRegister, address: 0, count: 2, four_byte: false },
    Ask::Read { table: Table::InputRegister, address: 9, count: 62, four_byte: true },
    Ask::Read { table: Table::Coil, address: 1, count: 11, four_byte: false },
    Ask::Identify { level: 1, object: 0 },
];

fuzz_target!(|bytes: &[u8]| {
    let unit = bytes.first().copied().unwrap_or_default();
    for ask in &ASKS {
        if let Ok(Some(frame)) = tcp(bytes)
            && let Ok(Answer::Values(values)) = check(ask, frame.unit, frame.unit, &bytes[frame.pdu])
        {
            assert!(ask.value_bytes().is_none_or(|wanted| wanted == values.len()));
        }
        for (swapped, tolerant) in [(false, true), (true, false)] {
            match rtu(bytes, ask, unit, swapped, tolerant) {
                Rtu::Answer { pdu, consumed, junk } => {
                    assert!(consumed <= bytes.len() && junk < consumed);
                    assert!(check(ask, unit, unit, &bytes[pdu]).is_ok());
                }
                Rtu::Foreign { consumed, .. } => assert!((1..=bytes.len()).contains(&consumed)),
                Rtu::More | Rtu::BadCrc => {}
            }
        }
    }
});
