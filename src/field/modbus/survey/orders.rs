//! Which byte order and type a value is written in, judged by what the readings would be. Pure.
//!
//! Each way to read the registers gets a cost, roughly in bits of surprise: outside the range that was
//! told, an exponent that no instrument has, jumps from sample to sample, a float with all its digits
//! used, a whole number of a size nobody counts to. The least surprising comes first. Ways that give the
//! same values cannot be told apart by any rule; that is said, not hidden.

use super::super::decode;
use crate::field::ingest::civil::LocalTime;
use crate::plant::PointIx;
use crate::settings::{ByteOrder, Format, ModbusPoint, Table};

/// The four orders in use; others are possible and rare.
pub const ORDERS: [(&str, ByteOrder); 4] = [
    ("abcd", ByteOrder::Abcd),
    ("cdab", ByteOrder::Cdab),
    ("badc", ByteOrder::Badc),
    ("dcba", ByteOrder::Dcba),
];
/// What is tried when no type is told, and how unlikely it is before anything was read.
const USUAL: [(&str, Format, f64); 8] = [
    ("f32", Format::F32, 0.0),
    ("u16", Format::U16, 1.0),
    ("i16", Format::I16, 1.0),
    ("u32", Format::U32, 1.5),
    ("i32", Format::I32, 1.5),
    ("f64", Format::F64, 3.0),
    ("u64", Format::U64, 4.0),
    ("i64", Format::I64, 4.0),
];
/// Between these a physical quantity in a usual unit lies, unless it is zero.
const SMALLEST: f64 = 1e-3;
const LARGEST: f64 = 1e6;
/// The price of a register that stands still beside one that moves: it may be half a value.
const HALF: f64 = 5.0;
/// Whole numbers from here on are worth a word.
const LARGE: f64 = 1e5;
/// Enough to be last.
const ABSURD: f64 = 40.0;
/// Costs closer than this are no decision.
const CLOSE: f64 = 1.5;

/// What is known beforehand.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// Name and format, if the type is known.
    pub format: Option<(String, Format)>,
    /// Lowest and highest value it can have.
    pub range: Option<(f64, f64)>,
    /// What the device's own display shows.
    pub expect: Option<f64>,
    /// What the raw number is multiplied by before it is held against range and expectation.
    pub scale: f64,
}

/// One way to read the registers.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Name of the type in a profile.
    pub name: String,
    /// Type.
    pub format: Format,
    /// Name of the order in a profile.
    pub order_name: &'static str,
    /// Order.
    pub order: ByteOrder,
    /// What each sample reads as; `NaN` where it is no number.
    pub values: Vec<f64>,
    /// Bits of surprise, 0 and up.
    pub cost: f64,
    /// Why it is surprising, the worst first; or why it is not.
    pub why: Vec<String>,
}

/// How sure the first place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first is clearly the best.
    Clear,
    /// Others give the very same values: any of them will do until the value changes its look.
    Same,
    /// Another gives other values and is hardly less plausible.
    Undecided,
    /// Every sample is zero in every reading: says nothing.
    Zero,
    /// None is plausible.
    Nothing,
}

/// Every way to read the samples (bytes as they came), the least surprising first.
#[must_use]
pub fn rank(samples: &[Vec<u8>], hints: &Hints) -> Vec<Candidate> {
    let formats: Vec<(String, Format, f64)> = match &hints.format {
        Some((name, format)) => vec![(name.clone(), *format, 0.0)],
        None => USUAL.iter().map(|(n, f, prior)| ((*n).to_owned(), *f, *prior)).collect(),
    };
    let shortest = samples.iter().map(Vec::len).min().unwrap_or(0);
    let mut all = Vec::new();
    for (name, format, prior) in formats {
        let width = usize::from(format.width());
        if width * 2 > shortest {
            continue;
        }
        for (order_name, order) in ORDERS {
            // In a single register only its two bytes can change places.
            if width == 1 && matches!(order, ByteOrder::Cdab | ByteOrder::Dcba) {
                continue;
            }
            let point =
                ModbusPoint { order, ..ModbusPoint::plain(PointIx(0), Table::HoldingRegister, 0, format) };
            let values: Vec<f64> =
                samples.iter().map(|s| decode::raw(&point, s, LocalTime::UTC).unwrap_or(f64::NAN)).collect();
            let (mut cost, mut why) = judge(format, &values, hints);
            if hints.format.is_none() && width == 1 && half_a_value(samples) {
                cost += HALF;
                why.insert(0, "stands still while the next register moves".to_owned());
            }
            all.push(Candidate {
                name: name.clone(),
                format,
                order_name,
                order,
                values,
                cost: cost + prior,
                why,
            });
        }
    }
    all.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    all
}

/// The first register stands still, the second moves.
fn half_a_value(samples: &[Vec<u8>]) -> bool {
    let moves = |span: std::ops::Range<usize>| {
        samples.windows(2).any(|w| w[0].get(span.clone()) != w[1].get(span.clone()))
    };
    !moves(0..2) && moves(2..4)
}

/// How sure the first of `ranked` is, and which others stand beside it.
#[must_use]
pub fn verdict(ranked: &[Candidate]) -> (Verdict, Vec<usize>) {
    let Some(first) = ranked.first() else { return (Verdict::Nothing, Vec::new()) };
    if first.cost >= ABSURD {
        return (Verdict::Nothing, Vec::new());
    }
    if first.values.iter().all(|v| *v == 0.0) {
        let zeros = (1..ranked.len()).filter(|n| ranked[*n].values.iter().all(|v| *v == 0.0)).collect();
        return (Verdict::Zero, zeros);
    }
    let beside: Vec<usize> = (1..ranked.len()).filter(|n| ranked[*n].cost - first.cost < CLOSE).collect();
    // The same values in another clothing are no rivals, however plausible they are.
    let rivals = beside.iter().any(|n| ranked[*n].values != first.values);
    let same: Vec<usize> = (1..ranked.len()).filter(|n| ranked[*n].values == first.values).collect();
    match (rivals, same.is_empty()) {
        (true, _) => (Verdict::Undecided, beside),
        (false, false) => (Verdict::Same, same),
        (false, true) => (Verdict::Clear, Vec::new()),
    }
}

fn judge(format: Format, raw: &[f64], hints: &Hints) -> (f64, Vec<String>) {
    let mut found: Vec<(f64, String)> = Vec::new();
    let strange = raw.iter().filter(|v| !v.is_finite()).count();
    if strange > 0 || raw.is_empty() {
        return (ABSURD * 2.0, vec![format!("{strange} of {} samples are not numbers", raw.len())]);
    }
    let scale = if hints.scale == 0.0 { 1.0 } else { hints.scale };
    let values: Vec<f64> = raw.iter().map(|v| v * scale).collect();
    if let Some((low, high)) = hints.range {
        let outside = values.iter().filter(|v| !(low..=high).contains(*v)).count();
        if outside > 0 {
            let share = outside as f64 / values.len() as f64;
            found.push((20.0 + 30.0 * share, format!("{outside} of {} outside {low}..{high}", values.len())));
        }
    }
    if let Some(wanted) = hints.expect {
        let nearest = values.iter().map(|v| (v - wanted).abs()).fold(f64::INFINITY, f64::min);
        let off = nearest / wanted.abs().max(SMALLEST);
        if off > 0.01 {
            let cost = (4.0 * (off / 0.01).log2()).min(ABSURD);
            found.push((cost, format!("{} away from the {wanted} expected", percent(off))));
        }
    }
    found.extend(magnitude(format, raw));
    found.extend(jumps(&values, hints.range));
    if let Some(digits) = float_digits(format, raw) {
        // A float that came from a calculation uses all its digits; one that was typed or rounded does not.
        found.push((0.4 * (digits as f64 - 3.0).clamp(0.0, 6.0), format!("{digits} digits")));
    }
    found.retain(|f| f.0 > 0.0);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let cost = found.iter().map(|f| f.0).sum();
    let mut why: Vec<String> =
        found.into_iter().filter(|f| f.0 >= 1.0 && !f.1.is_empty()).map(|f| f.1).collect();
    if why.is_empty() {
        why.push("a usual size, steady".to_owned());
    }
    (cost, why)
}

/// Floats: exponents no instrument has. Whole numbers: the larger, the less likely.
fn magnitude(format: Format, raw: &[f64]) -> Option<(f64, String)> {
    let float = matches!(format, Format::F16 | Format::F32 | Format::F64);
    let mut worst = (0.0, 0.0);
    for value in raw.iter().map(|v| v.abs()).filter(|v| *v != 0.0) {
        let cost = match float {
            true if decode::is_implausible(format, value) => ABSURD,
            true if value < SMALLEST => 3.0 + 4.0 * (SMALLEST / value).log10(),
            true if value > LARGEST => 3.0 + 4.0 * (value / LARGEST).log10(),
            true => 0.0,
            false => 0.7 * value.log10() + if value > 1e8 { 4.0 * (value / 1e8).log10() } else { 0.0 },
        };
        if cost > worst.0 {
            worst = (cost, value);
        }
    }
    let text = match (float, is_denormal(format, worst.1)) {
        (true, true) => "a denormal float".to_owned(),
        (true, false) => format!("{:e} is not a usual size", worst.1),
        _ if worst.1 < LARGE => String::new(),
        _ => format!("a large number, {:e}", worst.1),
    };
    Some((worst.0.min(ABSURD), text))
}

fn is_denormal(format: Format, value: f64) -> bool {
    match format {
        Format::F32 => value != 0.0 && value < f64::from(f32::MIN_POSITIVE),
        Format::F64 => value != 0.0 && value < f64::MIN_POSITIVE,
        _ => false,
    }
}

/// What is measured moves little from sample to sample.
fn jumps(values: &[f64], range: Option<(f64, f64)>) -> Option<(f64, String)> {
    let most = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let span = range.map_or(most, |r| r.1 - r.0).max(f64::MIN_POSITIVE);
    let steps: Vec<f64> = values.windows(2).map(|w| (w[1] - w[0]).abs() / span).collect();
    if steps.is_empty() {
        return None;
    }
    let mean = steps.iter().sum::<f64>() / steps.len() as f64;
    // A hundredth of the span costs a bit.
    let cost = (1.0 + mean * 100.0).log2() * steps.len() as f64 / (1.0 + steps.len() as f64) * 2.0;
    Some((cost.min(ABSURD), format!("jumps by {} from sample to sample", percent(mean))))
}

/// Significant decimal digits of the shortest way to write the floats.
fn float_digits(format: Format, raw: &[f64]) -> Option<usize> {
    let digits = |text: String| {
        let mantissa = text.split('e').next().unwrap_or_default();
        mantissa.chars().filter(char::is_ascii_digit).collect::<String>().trim_matches('0').len()
    };
    raw.iter()
        .filter_map(|v| match format {
            Format::F32 => Some(digits(format!("{:e}", *v as f32))),
            Format::F64 => Some(digits(format!("{v:e}")).min(9)),
            _ => None,
        })
        .max()
}

fn percent(share: f64) -> String {
    if share >= 100.0 { "far".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CLOSE, Candidate, Hints, Verdict, rank, verdict};
    use crate::settings::Format;

    fn encode(big: &[u8], order: &str) -> Vec<u8> {
        let mut words: Vec<[u8; 2]> = big.chunks(2).map(|c| [c[0], c[1]]).collect();
        if matches!(order, "cdab" | "dcba") {
            words.reverse();
        }
        let swap = matches!(order, "badc" | "dcba");
        words.iter().flat_map(|w| if swap { [w[1], w[0]] } else { *w }).collect()
    }

    fn hints(name: &str, format: Format, range: (f64, f64)) -> Hints {
        Hints { format: Some((name.to_owned(), format)), range: Some(range), ..Hints::default() }
    }

    /// The true reading is first, or so close to it that the verdict names both.
    fn leads(ranked: &[Candidate], name: &str, order: &str) -> bool {
        let first = ranked[0].cost;
        let values = &ranked[0].values;
        ranked.iter().any(|c| {
            c.name == name && c.order_name == order && (c.cost - first < CLOSE || c.values == *values)
        })
    }

    #[test]
    fn one_and_a_quarter_is_found_in_every_order_from_a_single_sample_without_any_hint() {
        for order in ["abcd", "cdab", "badc", "dcba"] {
            let sample = [encode(&1.25f32.to_be_bytes(), order), vec![0x12, 0x34, 0x56, 0x78]].concat();
            let ranked = rank(&[sample], &Hints::default());
            assert_eq!(
                (ranked[0].name.as_str(), ranked[0].order_name),
                ("f32", order),
                "{:#?}",
                &ranked[..3]
            );
            assert_eq!(ranked[0].values, [1.25]);
        }
    }

    #[test]
    fn zero_says_nothing_and_that_is_said() {
        let ranked = rank(&[vec![0; 8], vec![0; 8]], &Hints::default());
        let (verdict, beside) = verdict(&ranked);
        assert_eq!((verdict, beside.len()), (Verdict::Zero, ranked.len() - 1));
    }

    #[test]
    fn a_counter_is_a_counter_but_may_also_be_two_registers_that_have_nothing_to_do_with_each_other() {
        let samples: Vec<Vec<u8>> = (0..4u32).map(|n| (123_456 + n).to_be_bytes().to_vec()).collect();
        let ranked = rank(&samples, &Hints::default());
        assert!(matches!(ranked[0].format, Format::U32 | Format::I32), "{ranked:#?}");
        assert_eq!(ranked[0].order_name, "abcd");
        let (open, beside) = verdict(&ranked);
        let names: Vec<&str> = beside.iter().map(|n| ranked[*n].name.as_str()).collect();
        assert!(open == Verdict::Undecided && names.contains(&"u16"), "{names:?}");
        let told = rank(&samples, &hints("u32", Format::U32, (0.0, 1e6)));
        assert_eq!(verdict(&told).0, Verdict::Clear);
    }

    #[test]
    fn bytes_that_read_the_same_both_ways_round_cannot_be_told_apart() {
        let ranked = rank(&[vec![5, 5]], &hints("u16", Format::U16, (0.0, 5000.0)));
        assert_eq!(verdict(&ranked), (Verdict::Same, vec![1]));
    }

    #[test]
    fn what_the_display_shows_decides_between_two_plausible_ones() {
        // 258 or 513: both are whole numbers of a usual size.
        let undecided = rank(&[vec![1, 2]], &Hints::default());
        assert_eq!(verdict(&undecided).0, Verdict::Undecided);
        let told = rank(&[vec![1, 2]], &Hints { expect: Some(51.3), scale: 0.1, ..Hints::default() });
        assert_eq!((told[0].order_name, told[0].values[0]), ("badc", 513.0));
    }

    #[test]
    fn when_nothing_fits_nothing_is_recommended() {
        let ranked = rank(&[vec![0xFF; 4]], &hints("f32", Format::F32, (0.0, 1.0)));
        assert_eq!(verdict(&ranked).0, Verdict::Nothing);
    }

    proptest! {
        #[test]
        fn a_float_in_its_range_that_moves_is_recognized_in_any_order(
            start in 0.05f64..0.9, moves in prop::collection::vec(-0.02f64..0.02, 4..8),
            high in prop::sample::select(vec![1.0, 2.5, 16.0, 250.0, 1600.0]), which in 0usize..4
        ) {
            let order = ["abcd", "cdab", "badc", "dcba"][which];
            let mut share: f64 = start;
            let values: Vec<f64> = moves.iter().map(|m| { share = (share + m).clamp(0.02, 0.98); share * high }).collect();
            let singles: Vec<Vec<u8>> = values.iter().map(|v| encode(&(*v as f32).to_be_bytes(), order)).collect();
            let range = (0.0, high);
            let ranked = rank(&singles, &hints("f32", Format::F32, range));
            prop_assert!(leads(&ranked, "f32", order), "{:#?}", ranked);
            let open = rank(&singles, &Hints { range: Some(range), ..Hints::default() });
            prop_assert!(leads(&open, "f32", order), "{:#?}", open);
            let doubles: Vec<Vec<u8>> = values.iter().map(|v| encode(&v.to_be_bytes(), order)).collect();
            let ranked = rank(&doubles, &hints("f64", Format::F64, range));
            prop_assert!(leads(&ranked, "f64", order), "{:#?}", ranked);
        }

        #[test]
        fn a_whole_number_that_moves_is_recognized_in_any_order(
            start in 300i32..30_000, moves in prop::collection::vec(1i32..100, 4..8), which in 0usize..4
        ) {
            let order = ["abcd", "cdab", "badc", "dcba"][which];
            let mut value = start;
            let values: Vec<i32> = moves.iter().map(|m| { value += m; value }).collect();
            for (name, format) in [("i32", Format::I32), ("u32", Format::U32)] {
                let samples: Vec<Vec<u8>> = values.iter().map(|v| encode(&v.to_be_bytes(), order)).collect();
                let ranked = rank(&samples, &hints(name, format, (0.0, 50_000.0)));
                prop_assert!(leads(&ranked, name, order), "{:#?}", ranked);
            }
            let order = ["abcd", "badc"][which % 2];
            let samples: Vec<Vec<u8>> = values.iter().map(|v| encode(&(*v as u16).to_be_bytes(), order)).collect();
            let ranked = rank(&samples, &hints("u16", Format::U16, (0.0, 50_000.0)));
            prop_assert!(leads(&ranked, "u16", order), "{:#?}", ranked);
        }

        #[test]
        fn no_samples_make_it_panic(samples in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..10), 0..5)) {
            let ranked = rank(&samples, &Hints::default());
            let _ = verdict(&ranked);
            prop_assert!(ranked.iter().all(|c| !c.cost.is_nan()));
        }
    }
}
