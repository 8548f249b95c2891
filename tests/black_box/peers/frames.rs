//! Modbus frames as servers send them, for the peers here and for `benches/dead_device.rs`. Written apart
//! from the product's, so that one judges the other.

/// CRC-16 of Modbus.
pub fn crc(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFFu16;
    for byte in bytes {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 };
        }
    }
    crc
}

/// Around a PDU: MBAP with its transaction id, RTU without one.
pub fn framed(transaction: Option<u16>, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    if let Some(transaction) = transaction {
        frame.extend(transaction.to_be_bytes());
        frame.extend([0, 0]);
        frame.extend((pdu.len() as u16 + 1).to_be_bytes());
    }
    frame.push(unit);
    frame.extend(pdu);
    if transaction.is_none() {
        frame.extend(crc(&frame).to_le_bytes());
    }
    frame
}
