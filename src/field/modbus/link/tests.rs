//! What must be asked first where an answer may still be late.

use std::time::Duration;

use super::{Ask, Doubt, Link, Trace};
use crate::plant::Id;
use crate::settings::{ModbusSource, Table, Transport};

fn link(open: &[(u8, usize)]) -> Link {
    let source = ModbusSource {
        id: Id::new("line").expect("an id"),
        transport: Transport::RtuTcp { host: "127.0.0.1".to_owned(), port: 1, ascii: false },
        timeout: Duration::from_secs(1),
        reconnect: (Duration::from_secs(1), Duration::from_secs(1)),
        connect_pause: Duration::ZERO,
        idle_close: None,
        probe_share: 0.05,
        breaker: true,
        devices: Vec::new(),
    };
    let mut link = Link::new(&source, Trace::default(), None);
    link.doubt.insert(7, open.to_vec());
    link
}

fn read(address: u16, count: u16) -> Ask {
    Ask::Read { table: Table::HoldingRegister, address, count }
}

#[test]
fn a_question_whose_answer_is_unlike_all_late_ones_is_asked_within_what_may_be_read() {
    let all = |_, _, _| true;
    assert_eq!(link(&[]).doubt(8, &read(5, 2), all), Doubt::None, "another unit");
    assert_eq!(link(&[(3, 4)]).doubt(7, &read(5, 2), all), Doubt::Ask(read(5, 1)));
    assert_eq!(link(&[(3, 2), (3, 4)]).doubt(7, &read(u16::MAX, 1), all), Doubt::Ask(read(u16::MAX - 2, 3)));
    // One register at a time, or its neighbour is forbidden: there is no other question.
    let one = |_, address, count| (address, count) == (5, 1);
    assert_eq!(link(&[(3, 2)]).doubt(7, &read(5, 1), one), Doubt::Wait);
    assert_eq!(link(&[(3, 4)]).doubt(7, &read(5, 1), one), Doubt::Ask(read(5, 1)));
}
