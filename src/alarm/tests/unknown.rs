//! Nothing that is unknown hides an alarm: conditions, states and causes that nobody can read any more.

use super::*;
use crate::plant::Plant;

/// Points 1 and 2 say whether the limits on points 0, 3 and 4 mean anything.
fn conditional() -> Plant {
    let high =
        |priority, when, unless| Limit { priority, when, unless, ..limit(LimitKind::H, 50.0, 0.0, 0, 0) };
    let (on, off) = (PointIx(1), PointIx(2));
    let mut plant = plant(vec![
        vec![high(Priority::Critical, Some(on), vec![])],
        vec![],
        vec![],
        vec![high(Priority::High, None, vec![on, off])],
        vec![high(Priority::Medium, Some(on), vec![off])],
    ]);
    plant.points.iter_mut().for_each(|p| p.no_data = None);
    plant.devices[0].stale_after = Duration::from_secs(100_000);
    plant
}

const GONE: Result<f64, Cause> = Err(Cause::ExceptionDevice);

fn bench() -> Bench {
    Bench::of(Engine::new(&conditional(), Now { mono: Duration::ZERO, wall: Micros(0) }))
}

/// Rules 0 to 2 are the limits on points 0, 3 and 4.
fn shown(bench: &Bench, rule: u32) -> AlarmState {
    bench.engine.alarm(RuleIx(rule)).state
}

fn hidden_all(bench: &mut Bench, second: f64) {
    bench.sample(second, &[Ok(60.0), Ok(0.0), Ok(1.0), Ok(60.0), Ok(60.0)]);
    for rule in 0..3 {
        assert_eq!(shown(bench, rule), AlarmState::Suppressed);
    }
}

#[test]
fn a_condition_that_becomes_unknown_shows_a_critical_alarm_at_once_with_its_reason() {
    let mut bench = bench();
    hidden_all(&mut bench, 20.0);
    let said = bench.sample(21.0, &[Ok(60.0), GONE, Ok(1.0), Ok(60.0), Ok(60.0)]);
    let told: Vec<_> = said.iter().map(|t| (t.rule.0, t.event, t.annunciates(), t.cause)).collect();
    assert_eq!(told, [(0, Event::Unsuppressed, true, Some(Cause::ConditionUnknown))]);
    assert_eq!(bench.engine.alarm(RuleIx(0)).undecided_by, Some(PointIx(1)));
    assert_eq!(shown(&bench, 2), AlarmState::Suppressed, "the other condition still hides this one");
    // Known again, and still off: hidden again.
    let said = bench.sample(22.0, &[Ok(60.0), Ok(0.0), Ok(1.0), Ok(60.0), Ok(60.0)]);
    assert_eq!(events(&said), [(0, Event::Suppressed)]);
}

#[test]
fn what_is_not_critical_waits_for_the_condition_no_longer_than_is_allowed() {
    let mut bench = bench();
    hidden_all(&mut bench, 20.0);
    let values = [Ok(60.0), GONE, GONE, Ok(60.0), Ok(60.0)];
    bench.sample(21.0, &values);
    assert_eq!([shown(&bench, 1), shown(&bench, 2)], [AlarmState::Suppressed; 2]);
    assert!(bench.until(50.9).is_empty());
    let said = bench.until(51.0);
    assert_eq!(events(&said), [(1, Event::Unsuppressed), (2, Event::Unsuppressed)]);
    assert!(said.iter().all(|t| t.annunciates() && t.cause == Some(Cause::ConditionUnknown)), "{said:?}");
    // A breach that comes while the condition is unknown calls, and says so too.
    bench.sample(52.0, &[Ok(60.0), GONE, GONE, Ok(0.0), Ok(60.0)]);
    let said = bench.sample(53.0, &[Ok(60.0), GONE, GONE, Ok(60.0), Ok(60.0)]);
    assert_eq!(
        (said[0].event, said[0].annunciates(), said[0].cause),
        (Event::Raised, true, Some(Cause::ConditionUnknown))
    );
}

#[test]
fn a_condition_that_is_read_again_in_time_goes_on_hiding() {
    let mut bench = bench();
    hidden_all(&mut bench, 20.0);
    bench.sample(21.0, &[Ok(60.0), Ok(0.0), GONE, Ok(60.0), Ok(60.0)]);
    hidden_all(&mut bench, 45.0);
    bench.sample(46.0, &[Ok(60.0), Ok(0.0), GONE, Ok(60.0), Ok(60.0)]);
    bench.until(75.0);
    assert_eq!(shown(&bench, 1), AlarmState::Suppressed, "the time begins anew with each gap");
    bench.until(76.0);
    assert_eq!(shown(&bench, 1), AlarmState::Unacknowledged);
}

/// Killed and started again, from the very text that the ledger keeps.
fn restarted(bench: &mut Bench, disk: &mut Disk) {
    let now = bench.now();
    disk.commit(&mut bench.engine, now);
    let start = bench.restart();
    bench.engine = Engine::new(&conditional(), start);
    disk.restore(&mut bench.engine, start);
}

#[test]
fn after_a_restart_with_nothing_that_says_off_what_was_hidden_is_shown() {
    let (mut bench, mut disk) = (bench(), Disk::default());
    hidden_all(&mut bench, 20.0);
    restarted(&mut bench, &mut disk);
    let values = [Ok(60.0), GONE, GONE, Ok(60.0), Ok(60.0)];
    bench.sample(21.0, &values);
    assert_eq!(shown(&bench, 0), AlarmState::Suppressed, "what is not read yet has ten seconds to be read");
    bench.until(30.0);
    assert_eq!(shown(&bench, 0), AlarmState::Unacknowledged);
    assert_eq!(shown(&bench, 1), AlarmState::Suppressed);
    // A gateway that starts anew again and again hides it no longer for that.
    bench.until(40.0);
    restarted(&mut bench, &mut disk);
    bench.sample(41.0, &values);
    bench.until(50.0);
    assert_eq!([shown(&bench, 1), shown(&bench, 2)], [AlarmState::Unacknowledged; 2]);
}

/// Points 0 and 1 with a limit each, which make a flood, and one on point 2 that follows from the first of them.
fn following(cause: Priority, consequence: Priority) -> Plant {
    let limit = |priority| Limit { priority, ..limit(LimitKind::H, 50.0, 0.0, 0, 0) };
    let follows = Limit { follows: vec!["boiler-1/p0.h".to_owned()], ..limit(consequence) };
    let mut plant = plant(vec![vec![limit(cause)], vec![limit(Priority::High)], vec![follows]]);
    plant.points.iter_mut().for_each(|p| p.no_data = None);
    plant.devices[0].stale_after = Duration::from_secs(100_000);
    (plant.alarm_policy.flood_begins, plant.alarm_policy.flood_ends) = (1, 1);
    plant
}

fn flooded(plant: &Plant) -> Bench {
    let mut bench = Bench::of(Engine::new(plant, Now { mono: Duration::ZERO, wall: Micros(0) }));
    bench.sample(19.0, &[Ok(0.0), Ok(60.0), Ok(0.0)]);
    bench.sample(20.0, &[Ok(60.0), Ok(60.0), Ok(0.0)]);
    assert!(bench.engine.in_flood());
    bench
}

#[test]
fn a_cause_whose_value_is_unknown_explains_nothing_for_long() {
    let mut bench = flooded(&following(Priority::High, Priority::High));
    bench.sample(22.0, &[Ok(60.0), Ok(60.0), Ok(60.0)]);
    assert_eq!(shown(&bench, 2), AlarmState::Suppressed);
    bench.sample(23.0, &[GONE, Ok(60.0), Ok(60.0)]);
    bench.until(52.9);
    assert_eq!(shown(&bench, 2), AlarmState::Suppressed);
    bench.until(53.1);
    assert_eq!(shown(&bench, 2), AlarmState::Unacknowledged);
}

#[test]
fn a_cause_that_people_have_hidden_explains_nothing() {
    let hide = |bench: &mut Bench| {
        let (now, mut out) = (bench.now(), Vec::new());
        bench.engine.take_out(RuleIx(0), (&who("a"), "w"), now, &mut out).unwrap();
        out
    };
    // Hidden before the consequence comes.
    let mut bench = flooded(&following(Priority::High, Priority::High));
    hide(&mut bench);
    bench.sample(22.0, &[Ok(60.0), Ok(60.0), Ok(60.0)]);
    assert_eq!(shown(&bench, 2), AlarmState::Unacknowledged);
    // Hidden while the consequence is.
    let mut bench = flooded(&following(Priority::High, Priority::High));
    bench.sample(22.0, &[Ok(60.0), Ok(60.0), Ok(60.0)]);
    assert_eq!(shown(&bench, 2), AlarmState::Suppressed);
    let said = hide(&mut bench);
    let told: Vec<_> = said.iter().map(|t| (t.rule.0, t.event, t.annunciates())).collect();
    assert_eq!(told, [(0, Event::TakenOut, false), (2, Event::Unsuppressed, true)]);
}

#[test]
fn a_cause_that_is_less_urgent_explains_nothing() {
    for (cause, consequence, wanted) in [
        (Priority::Low, Priority::Critical, AlarmState::Unacknowledged),
        (Priority::Medium, Priority::High, AlarmState::Unacknowledged),
        (Priority::High, Priority::High, AlarmState::Suppressed),
        (Priority::Critical, Priority::High, AlarmState::Suppressed),
    ] {
        let mut bench = flooded(&following(cause, consequence));
        bench.sample(22.0, &[Ok(60.0), Ok(60.0), Ok(60.0)]);
        assert_eq!(shown(&bench, 2), wanted, "{cause:?} for {consequence:?}");
    }
}

#[test]
fn what_raises_in_the_same_sample_as_the_state_that_hides_it_calls_nobody() {
    let mut bench = bench();
    let quiet_band = [Ok(0.0), Ok(1.0), Ok(0.0), Ok(0.0), Ok(0.0)];
    bench.sample(20.0, &quiet_band);
    // The value stands before the point that says "off".
    let said = bench.sample(21.0, &[Ok(60.0), Ok(0.0), Ok(0.0), Ok(0.0), Ok(0.0)]);
    assert!(said.iter().all(|t| !t.annunciates()), "{said:?}");
    assert_eq!(shown(&bench, 0), AlarmState::Suppressed);
}

#[test]
fn what_is_raised_while_a_state_begins_waits_for_it_and_calls_when_it_did_not_come() {
    let hidden =
        Limit { unless: vec![PointIx(1)], soon: vec![PointIx(2)], ..limit(LimitKind::L, 50.0, 0.0, 0, 0) };
    let mut plant = plant(vec![vec![hidden], vec![], vec![]]);
    plant.points.iter_mut().for_each(|p| p.no_data = None);
    let mut bench = Bench::of(Engine::new(&plant, Now { mono: Duration::ZERO, wall: Micros(0) }));
    let mut at = |second: f64, value: f64, state: f64, begins: f64| {
        let said = bench.sample(second, &[Ok(value), Ok(state), Ok(begins)]);
        (said.iter().filter(|t| t.annunciates()).count(), bench.state())
    };
    let (shown, hidden) = (AlarmState::Unacknowledged, AlarmState::Suppressed);
    assert_eq!(at(0.0, 90.0, 0.0, 0.0), (0, AlarmState::Normal));
    assert_eq!(at(1.0, 90.0, 0.0, 1.0), (0, AlarmState::Normal), "nothing to hide yet");
    assert_eq!(at(2.0, 10.0, 0.0, 1.0), (0, hidden));
    assert_eq!(at(3.0, 10.0, 1.0, 1.0), (0, hidden), "recognised");
    assert_eq!(at(4.0, 10.0, 0.0, 1.0), (0, hidden), "from one state into the next: no hole between them");
    assert_eq!(at(5.0, 10.0, 0.0, 0.0), (1, shown), "it did not come");
    assert_eq!(at(6.0, 10.0, 0.0, 1.0), (0, shown), "what is told stays told until the state is recognised");
    assert_eq!(at(7.0, 10.0, 1.0, 1.0), (0, hidden));
}

fn flag() -> impl Strategy<Value = Vec<Option<bool>>> {
    let run = (prop::option::weighted(0.6, any::<bool>()), 1usize..45).prop_map(|(is, len)| vec![is; len]);
    prop::collection::vec(run, 1..8).prop_map(|runs| runs.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Told by facts: what is hidden is hidden for a condition that is known now, or was until a moment ago.
    #[test]
    fn nothing_unknown_hides_an_alarm_for_longer_than_allowed(
        on in flag(),
        off in flag(),
        values in prop::collection::vec(0i32..100, 1..20),
        restarts in prop::collection::vec(1usize..300, 0..4),
    ) {
        let (mut bench, mut disk) = (bench(), Disk::default());
        let allowed = [0.0, 30.0, 30.0];
        let (mut known_at, mut began) = ([f64::NEG_INFINITY; 3], 0.0);
        for second in 0..on.len().min(off.len()) {
            let (on, off) = (on[second], off[second]);
            let told = |is: Option<bool>| is.map(|is| f64::from(u8::from(is))).ok_or(Cause::ExceptionDevice);
            let value = Ok(f64::from(values[second % values.len()]));
            bench.sample(second as f64, &[value, told(on), told(off), value, value]);
            let hides = [
                on == Some(false),
                on == Some(true) || off == Some(true),
                on == Some(false) || off == Some(true),
            ];
            let second_f = second as f64;
            for rule in 0..3 {
                if hides[rule] {
                    known_at[rule] = second_f;
                }
                let state = shown(&bench, rule as u32);
                if state == AlarmState::Suppressed && !hides[rule] {
                    // The gap begins with the sample after the last that knew.
                    let since = known_at[rule] + 1.0;
                    prop_assert!(
                        second_f - since < allowed[rule] || second_f < began + 10.0,
                        "rule {rule} hidden at {second} s, known at {} s, started at {began} s", known_at[rule]
                    );
                }
                if hides[rule] {
                    prop_assert_eq!(state, AlarmState::Suppressed, "rule {} at {} s", rule, second);
                }
            }
            if restarts.contains(&second) {
                restarted(&mut bench, &mut disk);
                began = second_f;
            }
        }
    }
}

#[test]
fn a_value_beyond_its_range_on_the_side_of_a_vote_is_a_vote_and_on_the_other_side_none() {
    let mut plant = super::derived::plant_with(&["if(p0 >= 50 and p1 >= 50, 2, 0)"]);
    for point in &mut plant.points[..2] {
        (point.range, point.voted) = (Some((0.0, 100.0)), [false, true]);
    }
    let mut bench = Bench::of(Engine::new(&plant, Now { mono: Duration::ZERO, wall: Micros(0) }));
    let mut vote = |second: f64, value: f64| {
        bench.sample(second, &[Ok(value), Ok(60.0)]);
        let own = bench.engine.current(PointIx(0));
        let vote = bench.engine.current(PointIx(2));
        (own.quality, Some(vote.value).filter(|_| vote.quality.is_usable()))
    };
    assert_eq!(vote(0.0, 3.0), (Quality::Good, Some(0.0)));
    assert_eq!(vote(1.0, 104.0), (Quality::Uncertain(Cause::OutOfRange), Some(2.0)));
    // Below its range it says nothing to this vote, and further above than the range is long it was not measured.
    assert_eq!(vote(2.0, -3.0), (Quality::Bad(Cause::OutOfRange), None));
    assert_eq!(vote(3.0, 250.0), (Quality::Bad(Cause::OutOfRange), None));
}
