//! One endpoint looked through: which units answer, and what each of them lets be read, how fast.

use std::time::Duration;

use serde::Serialize;

use super::super::frame::Ask;
use super::super::link::PollError;
use super::asker::Asker;
use super::identity::{self, Object};
use super::pace::{Ground, Pace, Pipelining, pace, pipelining};
use super::proposal::{Proposal, proposal};
use super::tables::{TableReport, one_table, table_of};
use crate::settings::{Framing, Table, Transport};

/// Parts of an identification.
const MOST_PARTS: usize = 32;

/// What to look at.
#[derive(Debug, Clone)]
pub struct SurveyOptions {
    /// Unit ids, in the order they are asked.
    pub units: Vec<u8>,
    /// Tables.
    pub tables: Vec<Table>,
    /// All addresses rather than the usual ones, and every unit in full.
    pub deep: bool,
    /// As it stands in the settings.
    pub address: String,
}

/// Everything that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// As it stands in the settings.
    pub address: String,
    /// All addresses were looked through.
    pub deep: bool,
    /// Units that answered, if only with an exception.
    pub units: Vec<UnitReport>,
    /// Units that did not.
    pub silent: Vec<u8>,
    /// Units that a gateway said are not there (exceptions 0x0A and 0x0B).
    pub absent: Vec<u8>,
    /// Units of which something came that is no proper answer, and what.
    pub garbled: Vec<(u8, String)>,
    /// First bytes of a device that dialled in, in hex.
    pub registration: Option<String>,
    /// The line failed for good: what came before stands.
    pub broke: Option<String>,
    /// Questions asked.
    pub requests: u32,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Settings to begin with, if something can be read.
    pub proposal: Option<Proposal>,
}

/// One unit.
#[derive(Debug, Clone, Serialize)]
pub struct UnitReport {
    /// Unit id.
    pub unit: u8,
    /// It gave the same answers as this unit wherever they were compared, and was not looked at any further.
    pub like: Option<u8>,
    /// What can be read.
    pub tables: Vec<TableReport>,
    /// Its identification (0x2B/0x0E); empty if it has none.
    pub identification: Vec<Object>,
    /// How fast.
    pub pace: Option<Pace>,
    /// Several requests at once; `null` where the framing has no room for it.
    pub pipelining: Option<Pipelining>,
}

impl UnitReport {
    pub(super) fn has_ranges(&self) -> bool {
        self.tables.iter().any(|t| !t.ranges.is_empty())
    }
}

/// Whether a unit is there: any answer counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Presence {
    /// It answered.
    There,
    /// A gateway says that it is not (exceptions 0x0A, 0x0B).
    Absent,
    /// Nothing came.
    Silent,
    /// Something came that is no answer.
    Garbled(String),
}

/// Asks one unit for a register of `table`, any register.
///
/// # Errors
/// The line is down.
pub async fn who_answers(asker: &mut Asker, unit: u8, table: Table) -> Result<Presence, PollError> {
    let ask = Ask::Read { table, address: 0, count: 1, four_byte: asker.four_byte };
    let mut garbled = None;
    for _ in 0..2 {
        match asker.ask(unit, ask).await {
            Ok(_) => return Ok(Presence::There),
            Err(PollError::Exception(10 | 11)) => return Ok(Presence::Absent),
            Err(PollError::Exception(_) | PollError::OtherSize { .. }) => return Ok(Presence::There),
            Err(PollError::Late(_)) => break,
            // A disturbance, or the wrong line settings: the second try tells.
            Err(PollError::Garbled(words)) => garbled = Some(words),
            Err(
                e @ (PollError::OtherTransaction { .. } | PollError::Short { .. } | PollError::TwoCallers),
            ) => {
                garbled = Some(e.to_string());
            }
            Err(e @ PollError::Line(_)) => return Err(e),
        }
    }
    Ok(garbled.map_or(Presence::Silent, Presence::Garbled))
}

/// Looks through everything; `tell` hears what is being done.
pub async fn survey(
    asker: &mut Asker,
    transport: &Transport,
    options: &SurveyOptions,
    tell: &dyn Fn(&str),
) -> Report {
    let began = tokio::time::Instant::now();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let mut report = Report {
        address: options.address.clone(),
        deep: options.deep,
        units: Vec::new(),
        silent: Vec::new(),
        absent: Vec::new(),
        garbled: Vec::new(),
        registration: (!asker.registration.is_empty()).then(|| hex(&asker.registration)),
        broke: None,
        requests: 0,
        elapsed_ms: 0,
        proposal: None,
    };
    if let Err(error) = units(asker, transport, options, tell, &mut report).await {
        report.broke = Some(error.to_string());
    }
    report.broke = report.broke.or_else(|| Some(asker.endless()?.to_string()));
    let four_byte = asker.four_byte;
    report.proposal = proposal(&options.address, &asker.registration, &report.units, four_byte);
    report.requests = asker.requests;
    report.elapsed_ms = began.elapsed().as_millis() as u64;
    report
}

async fn units(
    asker: &mut Asker,
    transport: &Transport,
    options: &SurveyOptions,
    tell: &dyn Fn(&str),
    report: &mut Report,
) -> Result<(), PollError> {
    let mut there = Vec::new();
    for unit in &options.units {
        tell(&format!("unit {unit}: is anybody there?"));
        match who_answers(asker, *unit, Table::HoldingRegister).await {
            Ok(Presence::There) => there.push(*unit),
            Ok(Presence::Absent) => report.absent.push(*unit),
            Ok(Presence::Silent) => report.silent.push(*unit),
            Ok(Presence::Garbled(words)) => report.garbled.push((*unit, words)),
            // Some devices close when they are asked for a unit they are not.
            Err(error) => {
                asker.renew();
                let again = options.units.first() != Some(unit) && !there.is_empty();
                if !again || who_answers(asker, there[0], Table::HoldingRegister).await.is_err() {
                    return Err(error);
                }
                report.garbled.push((*unit, error.to_string()));
            }
        }
    }
    if there.is_empty() {
        // Some say nothing to a function they do not know.
        for unit in std::mem::take(&mut report.silent) {
            tell(&format!("unit {unit}: is anybody there who knows input registers?"));
            match who_answers(asker, unit, Table::InputRegister).await? {
                Presence::There => there.push(unit),
                _ => report.silent.push(unit),
            }
        }
    }
    for unit in there {
        if !options.deep
            && let Some(like) = alike(asker, unit, &report.units).await
        {
            tell(&format!("unit {unit}: answers as unit {like} does"));
            report.units.push(UnitReport {
                unit,
                like: Some(like),
                tables: Vec::new(),
                identification: Vec::new(),
                pace: None,
                pipelining: None,
            });
            continue;
        }
        let found = one_unit(asker, transport, options, unit, tell).await;
        report.units.push(found);
    }
    Ok(())
}

async fn one_unit(
    asker: &mut Asker,
    transport: &Transport,
    options: &SurveyOptions,
    unit: u8,
    tell: &dyn Fn(&str),
) -> UnitReport {
    tell(&format!("unit {unit}: identification"));
    let identification = identify(asker, unit).await;
    let (mut tables, mut ground) = (Vec::new(), None::<Ground>);
    for table in &options.tables {
        tell(&format!("unit {unit}: {}", table.name()));
        let found = one_table(asker, unit, *table, options.deep).await;
        let longest = found.ranges.iter().max_by_key(|r| r.run.to - r.run.from);
        if let Some(range) = longest {
            let count = (range.run.to - range.run.from + 1).min(u32::from(found.largest)) as u16;
            // Registers rather than bits: their answers differ in length from one to the next.
            let better = ground.is_none_or(|g| g.table.is_bits() && !table.is_bits());
            if better {
                let grain = if found.pairs { 2 } else { 1 };
                let four_byte = asker.four_byte;
                ground = Some(Ground {
                    unit,
                    table: *table,
                    address: range.run.from as u16,
                    count,
                    grain,
                    four_byte,
                });
            }
        }
        tables.push(found);
    }
    let mut report = UnitReport { unit, like: None, tables, identification, pace: None, pipelining: None };
    if let Some(ground) = ground {
        tell(&format!("unit {unit}: pace"));
        report.pace = Some(pace(asker, ground).await);
        if transport.framing() == Framing::Tcp
            && !matches!(transport, Transport::Udp { .. })
            && !asker.any_transaction
        {
            tell(&format!("unit {unit}: several requests at once"));
            report.pipelining = Some(pipelining(asker, ground).await);
        }
        asker.pause = Duration::ZERO;
    }
    report
}

/// Tells the values of a short stretch, for comparison.
async fn look(
    asker: &mut Asker,
    unit: u8,
    table: Table,
    from: u16,
    count: u16,
) -> Result<Vec<u8>, Option<u8>> {
    match asker.ask(unit, Ask::Read { table, address: from, count, four_byte: asker.four_byte }).await {
        Ok(heard) => Ok(heard.values),
        Err(PollError::Exception(code)) => Err(Some(code)),
        Err(_) => Err(None),
    }
}

/// Registers with the same values, none of them zero, that make two units alike: fewer are equal by chance.
const ENOUGH: usize = 8;

/// How many of the registers in two answers are equal and not zero; `None` if one of them differs.
fn equal(one: &[u8], other: &[u8]) -> Option<usize> {
    let count = || one.chunks(2).filter(|c| c.iter().any(|b| *b != 0)).count();
    (one == other).then(count)
}

/// A unit surveyed before that answers just as this one: the same values in the same places, in enough of them, and
/// the same refusals beside them. Silence says nothing. Its values are read before and after, for they may move
/// meanwhile.
async fn alike(asker: &mut Asker, unit: u8, before: &[UnitReport]) -> Option<u8> {
    for other in before.iter().filter(|o| o.like.is_none() && o.has_ranges()) {
        if same_answers(asker, unit, other).await.is_some_and(|equal| equal >= ENOUGH) {
            return Some(other.unit);
        }
    }
    None
}

/// How many registers of the two are equal; `None` where an answer differs.
async fn same_answers(asker: &mut Asker, unit: u8, other: &UnitReport) -> Option<usize> {
    let mut all = 0;
    for report in &other.tables {
        let table = table_of(report.table);
        let Some(range) = report.ranges.first() else {
            // Refused there: refused here?
            if report.state == "silent" {
                continue;
            }
            let theirs = look(asker, other.unit, table, 0, 1).await;
            let here = look(asker, unit, table, 0, 1).await;
            if theirs != here && theirs != Err(None) && here != Err(None) {
                return None;
            }
            continue;
        };
        let from = range.run.from as u16;
        let count = (range.run.to - range.run.from + 1).min(u32::from(report.largest)) as u16;
        let one = look(asker, other.unit, table, from, count).await;
        let here = look(asker, unit, table, from, count).await.ok()?;
        let two = look(asker, other.unit, table, from, count).await;
        let found = [one, two].into_iter().flatten().find_map(|theirs| equal(&theirs, &here))?;
        all += if table.is_bits() { 0 } else { found };
        if let Ok(edge) = u16::try_from(range.run.to + 1)
            && !range.run.goes_on
        {
            let theirs = look(asker, other.unit, table, edge, 1).await.map(|_| ());
            let here = look(asker, unit, table, edge, 1).await.map(|_| ());
            if theirs != here && theirs != Err(None) && here != Err(None) {
                return None;
            }
        }
    }
    Some(all)
}

/// What the device says of itself, all parts of the basic and the regular level.
async fn identify(asker: &mut Asker, unit: u8) -> Vec<Object> {
    let mut all: Vec<Object> = Vec::new();
    let (mut level, mut object) = (1, 0);
    for _ in 0..MOST_PARTS {
        let Ok(heard) = asker.ask(unit, Ask::Identify { level, object }).await else { break };
        let Some(part) = identity::part(&heard.values) else { break };
        for (id, text) in part.objects {
            if all.iter().all(|o| o.id != id) {
                all.push(Object::new(id, text));
            }
        }
        match part.next {
            Some(next) if next > object => object = next,
            _ if level == 1 && part.level >= 2 => (level, object) = (2, 0),
            _ => break,
        }
    }
    all.sort_by_key(|o| o.id);
    all
}

#[cfg(test)]
mod tests {
    use super::equal;

    #[test]
    fn only_equal_values_count_and_zeros_do_not() {
        assert_eq!(equal(&[0, 1, 0, 2, 0, 0], &[0, 1, 0, 2, 0, 0]), Some(2));
        assert_eq!(equal(&[0, 1], &[0, 2]), None);
        assert_eq!(equal(&[0, 1], &[0, 1, 0, 2]), None);
    }
}
