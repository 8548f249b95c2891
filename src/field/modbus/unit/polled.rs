//! Whole polls of one device, on a clock of the test: what it refuses, what it does not answer, and factors
//! that change while it is read.

use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::{Answer, Refusal, Request, Unit, Words};
use crate::field::modbus::plan::LineCost;
use crate::plant::{Cause, DeviceIx, Micros, PointIx, Quality, Reading, TextTable};
use crate::settings::{Factor, Format, ModbusDevice, ModbusPoint, PollGroup, Quirks, Table};

const COST: LineCost = LineCost { request: Duration::from_millis(5), byte: Duration::from_micros(1) };

/// What the device of a test does with a request.
enum Reply {
    Words(Vec<u16>),
    Refuse(u8),
    /// Fewer registers than asked for.
    Short(Vec<u16>),
    /// Half as many bytes as asked for, so many.
    Half(usize),
    Silence,
}

/// A poll of a device as `bus` does it.
struct Poller<D: FnMut(&Request) -> Reply> {
    unit: Unit,
    device: D,
    asked: Vec<(u16, u16)>,
    told: Vec<String>,
}

impl<D: FnMut(&Request) -> Reply> Poller<D> {
    fn new(quirks: Quirks, points: Vec<ModbusPoint>, device: D) -> Self {
        let group =
            PollGroup { device: DeviceIx(0), period: Duration::from_secs(1), points, factors: Vec::new() };
        let device_of = ModbusDevice { label: "plc/1".to_owned(), unit: 1, quirks, groups: vec![group] };
        Self { unit: Unit::new(device_of, &COST), device, asked: Vec::new(), told: Vec::new() }
    }

    /// The readings of a poll at this second.
    fn poll(&mut self, at: u64, probe: bool) -> Vec<Reading> {
        let now = Duration::from_secs(at);
        let (mut out, texts) = (Vec::new(), TextTable::default());
        self.asked.clear();
        let mut todo = self.unit.begin(0, now, probe, &COST, &mut out);
        while !todo.is_empty() {
            let request = todo.remove(0);
            self.asked.push((request.address, request.count));
            match (self.device)(&request) {
                Reply::Words(words) => {
                    self.unit.spoke();
                    let values: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
                    let answer = Answer { values: &values, earlier: None, now, at: Micros(at as i64) };
                    let words = Words { timezone: &TimeZone::UTC, texts: &texts };
                    self.unit.take(0, &request, &answer, words, &mut out);
                }
                Reply::Refuse(code) => {
                    self.unit.spoke();
                    let halves = self.unit.refuse(0, &request, Refusal::Code(code));
                    if halves.is_empty() {
                        self.unit.missed(0, &request, Cause::of_exception(code), &mut out);
                        self.unit.groups[0].whole = false;
                    }
                    todo.splice(0..0, halves);
                }
                Reply::Short(words) => {
                    self.unit.spoke();
                    let halves = self.unit.refuse(0, &request, Refusal::Short(words.len() as u16));
                    if halves.is_empty() {
                        self.unit.missed(0, &request, Cause::Garbled, &mut out);
                        self.unit.groups[0].whole = false;
                    }
                    todo.splice(0..0, halves);
                }
                Reply::Half(bytes) => {
                    self.unit.spoke();
                    let parts = if bytes % 4 == 0 && self.unit.may_give_half(0, &request) {
                        self.unit.refuse(0, &request, Refusal::Half((bytes / 4) as u16))
                    } else {
                        Vec::new()
                    };
                    if parts.is_empty() {
                        self.unit.missed(0, &request, Cause::Garbled, &mut out);
                        self.unit.groups[0].whole = false;
                    }
                    todo.splice(0..0, parts);
                }
                Reply::Silence => {
                    let others = self.unit.late(0, &request);
                    self.unit.missed(0, &request, Cause::Timeout, &mut out);
                    self.unit.groups[0].whole = false;
                    if !others {
                        todo.drain(..).for_each(|r| self.unit.missed(0, &r, Cause::Timeout, &mut out));
                    }
                }
            }
        }
        self.unit.settle(0, now);
        while self.unit.released(&mut out).is_some() {}
        self.told.extend(self.unit.end(0, now, &COST).unwrap_or_default());
        out
    }

    fn aside(&self) -> Vec<u16> {
        self.unit.refused().map(|r| r.1).collect()
    }
}

fn registers(of: impl IntoIterator<Item = u16>) -> Vec<ModbusPoint> {
    of.into_iter()
        .map(|n| ModbusPoint::plain(PointIx(u32::from(n)), Table::HoldingRegister, n, Format::U16))
        .collect()
}

fn words(request: &Request) -> Reply {
    Reply::Words((request.address..request.address + request.count).collect())
}

fn reaches(request: &Request, register: u16) -> bool {
    (request.address..request.address + request.count).contains(&register)
}

#[test]
fn a_device_that_refuses_everything_is_asked_again_soon_and_then_less_often() {
    let mut poller = Poller::new(Quirks::default(), registers(0..60), |_| Reply::Refuse(2));
    let mut looks = Vec::new();
    for at in 0..=1300 {
        poller.poll(at, false);
        if !poller.asked.is_empty() {
            looks.push(at);
        }
        assert!(poller.unit.refuses_all(0) && !poller.unit.groups[0].gave);
    }
    assert_eq!(looks, [0, 5, 15, 35, 75, 155, 315, 635, 1235]);
}

#[test]
fn a_device_that_has_started_at_last_is_read_whole_again_within_seconds() {
    let mut at = 0;
    let started = std::cell::Cell::new(false);
    let mut poller = Poller::new(Quirks::default(), registers(0..60), |r| {
        if started.get() { words(r) } else { Reply::Refuse(4) }
    });
    for second in 0..40 {
        started.set(second >= 8);
        if poller.poll(second, false).iter().filter(|r| r.quality == Quality::Good).count() == 60 {
            at = second;
            break;
        }
    }
    assert!((8..=20).contains(&at), "read whole at {at}");
    poller.poll(at + 1, false);
    assert_eq!(poller.asked, [(0, 60)]);
}

#[test]
fn registers_with_a_device_failure_are_set_aside_and_the_others_are_read() {
    let bad = [5u16, 17, 40, 59];
    let mut poller = Poller::new(Quirks::default(), registers(0..60), |r| {
        if bad.iter().any(|b| reaches(r, *b)) { Reply::Refuse(4) } else { words(r) }
    });
    let first = poller.poll(0, false);
    assert_eq!(first.iter().filter(|r| r.quality == Quality::Good).count(), 56);
    assert_eq!(poller.aside(), bad);
    let second = poller.poll(1, false);
    assert_eq!(poller.asked, [(0, 5), (6, 11), (18, 22), (41, 18)]);
    assert_eq!(second.iter().filter(|r| r.quality == Quality::Bad(Cause::ExceptionDevice)).count(), 4);
    assert!(poller.told.is_empty(), "{:?}", poller.told);
}

#[test]
fn a_register_that_is_answered_by_silence_is_found_and_costs_the_others_nothing() {
    let mut poller = Poller::new(Quirks::default(), registers(0..16), |r| {
        if reaches(r, 9) { Reply::Silence } else { words(r) }
    });
    let mut second = 0;
    // Three polls in vain, then probes, as behind a breaker.
    while poller.aside().is_empty() && second < 60 {
        let silent = poller.poll(second, false).iter().all(|r| r.quality != Quality::Good);
        second += 1;
        if silent && second > 2 {
            poller.poll(second, true);
            second += 1;
        }
    }
    assert_eq!(poller.aside(), [9], "after {second} polls");
    let found = poller.poll(second, false);
    assert_eq!(poller.asked, [(0, 9), (10, 6)]);
    assert_eq!(found.iter().filter(|r| r.quality == Quality::Good).count(), 15);
    assert_eq!(found.iter().filter(|r| r.quality == Quality::Bad(Cause::Timeout)).count(), 1);
}

#[test]
fn a_device_that_dies_loses_no_register_by_it() {
    let dead = std::cell::Cell::new(false);
    let quirks = Quirks { max_registers: 4, ..Quirks::default() };
    let mut poller =
        Poller::new(quirks, registers(0..16), |r| if dead.get() { Reply::Silence } else { words(r) });
    for second in 0..200 {
        dead.set(second % 20 >= 10);
        poller.poll(second, dead.get() && second % 2 == 0);
        assert!(poller.aside().is_empty(), "{second}");
        assert!(!dead.get() || poller.asked.len() <= 2, "{:?}", poller.asked);
    }
}

/// Polls until nothing is refused any more; gives how many polls that took.
fn learnt<D: FnMut(&Request) -> Reply>(poller: &mut Poller<D>, requests: usize) -> u64 {
    for second in 0..30 {
        poller.poll(second, false);
        if poller.asked.len() == requests {
            let asked = poller.asked.clone();
            poller.poll(second + 1, false);
            if poller.asked == asked {
                return second;
            }
        }
    }
    panic!("never: {:?}", poller.asked);
}

#[test]
fn the_largest_request_is_learnt_and_told_as_the_setting_to_write() {
    for most in [1u16, 7, 32, 50, 64, 100] {
        let mut poller = Poller::new(Quirks::default(), registers(0..125), |r| {
            if r.count > most { Reply::Refuse(3) } else { words(r) }
        });
        let polls = learnt(&mut poller, usize::from(125u16.div_ceil(most)));
        assert!(polls < 12, "{most}: {polls} polls");
        let told = poller.told.last().expect("told");
        let number: u16 = told.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
        assert!(told.starts_with("max_registers = ") && number <= most, "{told}");
        assert_eq!(125u16.div_ceil(number), 125u16.div_ceil(most), "{told}");
        assert!(poller.aside().is_empty());
    }
}

#[test]
fn a_seam_is_learnt_and_told_wherever_it_lies() {
    for at in [1u16, 30, 44, 45, 59, 89] {
        let mut poller = Poller::new(Quirks::default(), registers(0..90), |r| {
            if r.address < at && at < r.address + r.count { Reply::Refuse(2) } else { words(r) }
        });
        learnt(&mut poller, 2);
        assert_eq!(poller.told, [format!("seams = [{{ table = \"holding\", at = {at} }}]")], "{at}");
        assert_eq!(poller.asked, [(0, at), (at, 90 - at)]);
    }
}

/// Registers of four bytes, each with its address as its value.
fn wide(of: impl IntoIterator<Item = u16>) -> Vec<ModbusPoint> {
    let all = of.into_iter().map(|n| {
        let plain = ModbusPoint::plain(PointIx(u32::from(n)), Table::HoldingRegister, n, Format::U32);
        ModbusPoint { four_byte: true, ..plain }
    });
    all.collect()
}

fn wide_words(request: &Request) -> Reply {
    Reply::Words((request.address..request.address + request.count).flat_map(|n| [0, n]).collect())
}

#[test]
fn a_largest_answer_of_just_half_in_registers_of_four_bytes_is_learnt_and_costs_no_value() {
    let mut poller = Poller::new(Quirks::default(), wide(0..60), |r| match r.count {
        60 => Reply::Half(120),
        31.. => Reply::Short((0..30).collect()),
        _ => wide_words(r),
    });
    for second in 0..6 {
        let found = poller.poll(second, false);
        assert_eq!(found.iter().filter(|r| r.quality == Quality::Good).count(), 60, "{second}");
        assert!(found.iter().all(|r| r.value == f64::from(r.point.0)));
    }
    assert_eq!(poller.told, ["max_registers = 30"]);
    assert_eq!(poller.asked.len(), 2, "{:?}", poller.asked);
}

#[test]
fn registers_that_have_two_bytes_after_all_are_parted_once_and_teach_nothing() {
    let two_bytes = std::cell::Cell::new(true);
    let mut poller = Poller::new(Quirks::default(), wide(0..60), |r| {
        if two_bytes.get() { Reply::Half(usize::from(r.count) * 2) } else { wide_words(r) }
    });
    for second in 0..10 {
        let found = poller.poll(second, false);
        assert!(found.len() == 60 && found.iter().all(|r| r.quality == Quality::Bad(Cause::Garbled)));
        assert_eq!(poller.asked.len(), if second == 0 { 3 } else { 1 }, "{:?}", poller.asked);
    }
    assert!(poller.told.is_empty() && poller.aside().is_empty(), "{:?}", poller.told);
    two_bytes.set(false);
    assert!(poller.poll(10, false).iter().all(|r| r.quality == Quality::Good));
}

#[test]
fn a_limit_of_registers_of_four_bytes_is_learnt_beside_larger_requests_of_the_usual_size() {
    let points = registers(0..100).into_iter().chain(wide(100..160)).collect();
    let mut poller = Poller::new(Quirks::default(), points, |r| match (r.four_byte, r.count) {
        (true, 31..) => Reply::Refuse(3),
        (true, _) => wide_words(r),
        (false, _) => words(r),
    });
    for second in 0..30 {
        let found = poller.poll(second, false);
        // A trial reads two points twice.
        assert!(found.len() >= 160 && found.iter().all(|r| r.quality == Quality::Good), "{second}");
    }
    let told = poller.told.last().expect("told");
    let number: u16 = told.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(told.starts_with("max_registers = ") && (20..=30).contains(&number), "{told}");
    assert!(!poller.told.iter().any(|t| t.contains("seams")), "{:?}", poller.told);
}

#[test]
fn an_answer_that_is_short_again_and_again_tells_the_largest_request_and_costs_no_value() {
    let mut poller = Poller::new(Quirks::default(), registers(0..45), |r| match words(r) {
        Reply::Words(all) if all.len() > 32 => Reply::Short(all[..32].to_vec()),
        other => other,
    });
    for second in 0..6 {
        let found = poller.poll(second, false);
        assert_eq!(found.iter().filter(|r| r.quality == Quality::Good).count(), 45, "{second}");
    }
    assert_eq!(poller.told, ["max_registers = 32"]);
    assert_eq!(poller.asked.len(), 2, "{:?}", poller.asked);
}

#[test]
fn one_short_answer_teaches_nothing() {
    let mut polls = 0;
    let mut poller = Poller::new(Quirks::default(), registers(0..45), |r| {
        polls += 1;
        if polls % 7 == 1 { Reply::Short(vec![1, 2, 3]) } else { words(r) }
    });
    for second in 0..20 {
        poller.poll(second, false);
    }
    assert!(poller.told.is_empty(), "{:?}", poller.told);
}

#[test]
fn a_value_that_is_cut_short_is_not_parted_and_not_set_aside() {
    let wide = vec![ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::F64)];
    let mut poller = Poller::new(Quirks::default(), wide, |_| Reply::Short(vec![1, 2]));
    for second in 0..4 {
        let found = poller.poll(second, false);
        assert_eq!(found.last().map(|r| r.quality), Some(Quality::Bad(Cause::Garbled)));
    }
    assert!(poller.aside().is_empty());
}

/// Polls as behind a breaker until every point is good again, `at` most so often.
fn recovered<D: FnMut(&Request) -> Reply>(poller: &mut Poller<D>, points: usize, most: u64) -> u64 {
    let mut lost = 0;
    for second in 0..most {
        let probe = lost >= 3;
        let good = poller.poll(second, probe).iter().filter(|r| r.quality == Quality::Good).count();
        lost = if good == 0 { lost + 1 } else { 0 };
        if good == points && !poller.told.is_empty() {
            return second;
        }
    }
    panic!("never: {:?}, {:?}", poller.asked, poller.told);
}

#[test]
fn a_largest_request_that_is_answered_by_silence_is_told_as_the_setting_to_write() {
    let mut poller = Poller::new(
        Quirks::default(),
        registers(0..24).into_iter().chain(registers(300..302)).collect(),
        |r| {
            if r.count > 16 { Reply::Silence } else { words(r) }
        },
    );
    recovered(&mut poller, 26, 60);
    let told = poller.told.last().expect("told");
    let number: u16 = told.rsplit(' ').next().and_then(|n| n.parse().ok()).expect("a number");
    assert!(told.starts_with("max_registers = ") && (12..=16).contains(&number), "{told}");
    // It is not tried again: each time would cost a timeout.
    for second in 60..500 {
        let good = poller.poll(second, false).iter().filter(|r| r.quality == Quality::Good).count();
        assert_eq!(good, 26, "{second}");
    }
}

#[test]
fn a_seam_that_is_answered_by_silence_is_told_as_the_setting_to_write() {
    let points = registers(0..24).into_iter().chain(registers(300..302)).collect();
    let mut poller = Poller::new(Quirks::default(), points, |r| {
        if r.address < 12 && 12 < r.address + r.count { Reply::Silence } else { words(r) }
    });
    recovered(&mut poller, 26, 60);
    assert_eq!(poller.told.last().map(String::as_str), Some("seams = [{ table = \"holding\", at = 12 }]"));
    assert!(poller.aside().is_empty());
}

#[test]
fn a_code_that_the_specification_does_not_know_is_found_and_set_aside_like_any_other() {
    for code in [0u8, 7, 0x55] {
        let mut poller = Poller::new(Quirks::default(), registers(0..23), |r| {
            if reaches(r, 4) || reaches(r, 20) { Reply::Refuse(code) } else { words(r) }
        });
        poller.poll(0, false);
        assert_eq!(poller.aside(), [4, 20], "{code}");
        let found = poller.poll(1, false);
        assert_eq!(found.iter().filter(|r| r.quality == Quality::Good).count(), 21);
    }
}

#[test]
fn a_seam_and_a_largest_request_are_told_apart() {
    let mut poller = Poller::new(Quirks::default(), registers(0..90), |r| {
        if r.count > 40 || r.address < 50 && 50 < r.address + r.count { Reply::Refuse(2) } else { words(r) }
    });
    for second in 0..40 {
        poller.poll(second, false);
    }
    assert!(poller.asked.iter().all(|(from, count)| *count <= 40 && (*from >= 50 || from + count <= 50)));
    assert!(poller.asked.len() <= 5, "{:?}", poller.asked);
    assert!(poller.told.iter().any(|t| t.contains("at = 50")), "{:?}", poller.told);
    assert!(poller.told.iter().any(|t| t.contains("max_registers")), "{:?}", poller.told);
}

#[test]
fn a_failure_that_passes_teaches_nothing() {
    let mut failures = 1;
    let mut poller = Poller::new(Quirks::default(), registers(0..60), |r| {
        failures -= 1;
        if failures >= 0 { Reply::Refuse(4) } else { words(r) }
    });
    poller.poll(0, false);
    poller.poll(1, false);
    assert_eq!(poller.asked, [(0, 60)]);
    assert!(poller.told.is_empty());
}

/// A value at 0 with its number of decimals far away: they never come in one answer.
fn controller() -> Vec<ModbusPoint> {
    let decimals = ModbusPoint::plain(PointIx(1), Table::InputRegister, 0, Format::U16);
    let value = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::U16);
    vec![ModbusPoint { factors: vec![Factor::Decimals(PointIx(1))], ..value }, decimals]
}

fn value_of(readings: &[Reading]) -> Reading {
    *readings.iter().rev().find(|r| r.point == PointIx(0)).expect("a reading")
}

#[test]
fn a_value_whose_decimals_moved_meanwhile_is_uncertain_and_counts_again_a_poll_later() {
    let state = std::cell::Cell::new((655u16, 1u16));
    let mut poller = Poller::new(Quirks::default(), controller(), |r| {
        let (digits, decimals) = state.get();
        Reply::Words(vec![if r.table == Table::HoldingRegister { digits } else { decimals }])
    });
    assert_eq!(value_of(&poller.poll(0, false)).quality, Quality::Uncertain(Cause::FactorUnsure));
    let good = value_of(&poller.poll(1, false));
    assert_eq!((good.value, good.quality), (65.5, Quality::Good));
    state.set((6550, 2));
    assert_eq!(value_of(&poller.poll(2, false)).quality, Quality::Uncertain(Cause::FactorUnsure));
    let good = value_of(&poller.poll(3, false));
    assert_eq!((good.value, good.quality), (65.5, Quality::Good));
}

#[test]
fn a_value_and_its_decimals_are_read_in_one_request_where_the_gap_may_be_read() {
    let decimals = ModbusPoint::plain(PointIx(1), Table::HoldingRegister, 60, Format::U16);
    let value = ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, Format::U16);
    let points = vec![ModbusPoint { factors: vec![Factor::Decimals(PointIx(1))], ..value }, decimals];
    // Cheap requests and dear bytes: but for the factor, two requests would be better.
    let cost = LineCost { request: Duration::from_millis(30), byte: Duration::from_micros(500) };
    let quirks = Quirks { max_gap: 100, ..Quirks::default() };
    let group =
        PollGroup { device: DeviceIx(0), period: Duration::from_secs(1), points, factors: Vec::new() };
    let spans: Vec<(u16, u16)> =
        super::plan(&quirks, &group, &cost).iter().map(|r| (r.address, r.count)).collect();
    assert_eq!(spans, [(0, 61)]);
}

proptest! {
    /// The device changes its scale at most once between two polls, at any moment: between any two requests.
    #[test]
    fn no_value_is_good_that_the_device_never_had(
        steps in prop::collection::vec((0usize..4, 0u16..4, 1u16..9999), 2..40)
    ) {
        let log = std::cell::RefCell::new((Vec::new(), (5u16, 0u16), 0usize, (0usize, 0u16, 0u16)));
        let mut poller = Poller::new(Quirks::default(), controller(), |r| {
            let mut log = log.borrow_mut();
            let (n, change) = (log.2, log.3);
            if n == change.0 {
                log.1 = (change.2, change.1);
                let state = log.1;
                log.0.push(state);
            }
            log.2 += 1;
            Reply::Words(vec![if r.table == Table::HoldingRegister { log.1.0 } else { log.1.1 }])
        });
        log.borrow_mut().0.push((5, 0));
        for (second, (when, decimals, digits)) in steps.into_iter().enumerate() {
            { let mut log = log.borrow_mut(); log.2 = 0; log.3 = (when, decimals, digits); }
            let found = value_of(&poller.poll(second as u64, false));
            if found.quality == Quality::Good {
                let had: Vec<f64> = log.borrow().0.iter()
                    .map(|(digits, decimals)| format!("{digits}e-{decimals}").parse::<f64>().expect("a number")).collect();
                prop_assert!(had.contains(&found.value), "{} of {:?}", found.value, had);
            }
        }
    }
}
