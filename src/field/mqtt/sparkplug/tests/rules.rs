//! Each rule of a host application, as a sentence.

use std::time::Duration;

use prost::Message;

use super::bench::{Bench, aliased, bad, bd_seq, good, message, named, quality, values};
use crate::field::mqtt::sparkplug::{
    Datatype, Life, MOST_HELD, Metric, Payload, SparkplugError, TopicError, Value, parse,
};
use crate::plant::meaning::Kind;
use crate::plant::{Batch, Cause, Quality};
use crate::settings::SparkplugRules;

const DOUBT: Quality = Quality::Uncertain(Cause::Missing);
const LOST: Cause = Cause::Disconnected;

#[test]
fn a_births_values_are_live_and_data_follows_under_the_aliases() {
    let mut bench = Bench::new();
    let birth = bench.send("NBIRTH/n", 0, vec![bd_seq(0), named("a", 1, 1.5), named("b", 2, 2.5)]);
    assert_eq!(values(&birth), [good(0, 1.5), good(1, 2.5)]);
    assert!(birth.iter().all(|t| t.live));
    let birth = bench.send("DBIRTH/n/d", 1, vec![named("a", 3, 3.5), named("c", 4, 4.5)]);
    assert_eq!(values(&birth), [good(2, 3.5), good(3, 4.5)]);
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![aliased(2, 7.0)])), [good(1, 7.0)]);
    assert_eq!(values(&bench.send("DDATA/n/d", 3, vec![aliased(4, 8.0)])), [good(3, 8.0)]);
    assert_eq!(bench.status().devices, [("d", true)]);
    assert_eq!((bench.status().life, bench.status().bd_seq), (Life::Online, Some(0)));
    assert_eq!(bench.wanted(), []);
}

#[test]
fn a_metric_may_come_by_its_name_without_any_alias() {
    let mut bench = Bench::new();
    let by_name = |name, value| Metric { alias: None, ..named(name, 0, value) };
    bench.send("NBIRTH/n", 0, vec![by_name("a", 1.0), by_name("b", 1.0)]);
    assert_eq!(values(&bench.send("NDATA/n", 1, vec![by_name("b", 2.0)])), [good(1, 2.0)]);
}

#[test]
fn a_mapped_metric_that_a_birth_does_not_name_is_missing() {
    let mut bench = Bench::new();
    let birth = bench.send("NBIRTH/n", 0, vec![named("b", 2, 2.5)]);
    assert_eq!(values(&birth), [bad(0, Cause::Missing), good(1, 2.5)]);
}

#[test]
fn metrics_that_nobody_asked_for_are_listed_with_their_datatype() {
    let mut bench = Bench::born();
    bench.send("NBIRTH/other", 0, vec![bd_seq(1), named("x", 1, 0.0)]);
    bench.send("DBIRTH/n/d2", 2, vec![named("y", 9, 0.0)]);
    bench.send("NBIRTH/n", 0, vec![bd_seq(6), named("a", 1, 0.0), named("z", 2, 0.0)]);
    let seen: Vec<_> = bench.host.unmapped().map(|m| (m.node, m.device, m.metric, m.datatype)).collect();
    assert_eq!(
        seen,
        [
            ("n", None, "z", Datatype::Double),
            ("n", Some("d2"), "y", Datatype::Double),
            ("other", None, "x", Datatype::Double),
        ]
    );
}

#[test]
fn data_before_a_birth_is_not_guessed_and_asks_for_a_rebirth_once_in_a_while() {
    let mut bench = Bench::new();
    assert_eq!(bench.send("NDATA/n", 7, vec![aliased(1, 1.0)]), []);
    let wanted = bench.wanted();
    assert_eq!(wanted.len(), 1);
    assert_eq!(wanted[0].topic, "spBv1.0/g/NCMD/n");
    let request = parse(&wanted[0].payload).unwrap();
    assert_eq!(request.metrics[0].value, Some(Value::Boolean(true)));
    assert_eq!(request.timestamp, Some(bench.ms()));
    bench.later(29_000).send("DDATA/n/d", 8, vec![aliased(1, 1.0)]);
    assert_eq!(bench.wanted(), []);
    bench.later(1_000);
    assert_eq!(bench.wanted().len(), 1);
    assert_eq!((bench.status().counters.before_birth, bench.status().counters.rebirths_asked), (2, 2));
}

#[test]
fn nothing_is_asked_where_nothing_may_be_written() {
    let mut bench = Bench::with(SparkplugRules { may_rebirth: false, ..SparkplugRules::default() });
    bench.send("NDATA/n", 7, vec![aliased(1, 1.0)]);
    assert_eq!(bench.wanted(), []);
    assert!(bench.status().wants_rebirth);
    assert_eq!(bench.host.deadline(), None);
}

#[test]
fn data_of_a_device_before_its_own_birth_is_not_guessed() {
    let mut bench = Bench::new();
    bench.send("NBIRTH/n", 0, vec![bd_seq(5), named("a", 1, 0.0), named("b", 2, 0.0)]);
    assert_eq!(bench.send("DDATA/n/d", 1, vec![aliased(1, 9.0)]), []);
    assert_eq!(bench.send("DDATA/n/d", 2, vec![named("a", 1, 9.0)]), [], "nor by name: it may be dead");
    assert_eq!(bench.status().counters.before_birth, 2);
    assert_eq!(bench.wanted().len(), 1);
}

#[test]
fn an_alias_means_what_the_birth_of_its_own_device_says() {
    let mut bench = Bench::born();
    assert_eq!(bench.send("DDATA/n/d", 2, vec![aliased(1, 9.0)]), [], "1 is the node's alias");
    assert_eq!(bench.status().counters.unknown_aliases, 1);
    assert_eq!(bench.wanted().len(), 1);
}

#[test]
fn an_alias_that_two_metrics_claim_gives_neither_a_value() {
    let mut bench = Bench::new();
    bench.send("NBIRTH/n", 0, vec![named("a", 1, 0.0), named("b", 1, 0.0), named("x", 1, 0.0)]);
    let told = bench.send("NDATA/n", 1, vec![aliased(1, 9.0)]);
    assert_eq!(values(&told), [bad(0, Cause::Unreadable), bad(1, Cause::Unreadable)]);
}

#[test]
fn numbers_wrap_after_255() {
    let mut bench = Bench::born();
    for seq in 2..600_u64 {
        let told = bench.send("NDATA/n", seq % 256, vec![aliased(1, seq as f64)]);
        assert_eq!(values(&told), [good(0, seq as f64)]);
    }
    assert_eq!(bench.status().counters.gaps, 0);
}

#[test]
fn messages_that_overtake_each_other_are_put_in_order() {
    let mut bench = Bench::born();
    let sent: Vec<Payload> =
        (2..6).map(|seq| message(bench.ms() + seq, seq, vec![aliased(1, seq as f64)])).collect();
    bench.later(10);
    for early in [2, 1, 3] {
        assert_eq!(bench.deliver("NDATA/n", &sent[early]), []);
    }
    let told = bench.later(1_900).deliver("NDATA/n", &sent[0]);
    assert_eq!(values(&told), [good(0, 2.0), good(0, 3.0), good(0, 4.0), good(0, 5.0)]);
    bench.later(10_000).tick();
    assert_eq!(bench.status().counters.gaps, 0);
    assert_eq!(bench.wanted(), []);
}

#[test]
fn after_a_gap_values_under_an_alias_are_uncertain_until_the_next_birth() {
    let mut bench = Bench::born();
    assert_eq!(bench.send("NDATA/n", 3, vec![aliased(1, 3.0)]), []);
    assert_eq!(bench.host.deadline(), Some(bench.mono + Duration::from_secs(2)));
    assert_eq!(bench.later(1_999).tick(), []);
    let told = bench.later(1).tick();
    assert_eq!(values(&told), [(0, Some(3.0), DOUBT)]);
    assert_eq!(bench.status().counters.gaps, 1);
    assert_eq!(bench.wanted().len(), 1);
    assert_eq!(values(&bench.send("NDATA/n", 4, vec![aliased(1, 4.0)])), [(0, Some(4.0), DOUBT)]);
    assert_eq!(values(&bench.send("DDATA/n/d", 5, vec![aliased(3, 5.0)])), [(2, Some(5.0), DOUBT)]);
    assert_eq!(values(&bench.send("NDATA/n", 6, vec![named("b", 2, 6.0)])), [good(1, 6.0)]);
    assert_eq!(
        values(&bench.send("DBIRTH/n/d", 7, vec![named("a", 4, 7.0), named("c", 3, 8.0)])),
        [good(2, 7.0), good(3, 8.0)]
    );
    assert_eq!(values(&bench.send("DDATA/n/d", 8, vec![aliased(3, 9.0)])), [good(3, 9.0)]);
    bench.send("NBIRTH/n", 0, vec![bd_seq(5), named("a", 1, 0.0), named("b", 2, 0.0)]);
    assert_eq!(values(&bench.send("NDATA/n", 1, vec![aliased(1, 4.0)])), [good(0, 4.0)]);
}

#[test]
fn a_gap_is_given_up_when_too_many_wait() {
    let mut bench = Bench::born();
    for n in 0..MOST_HELD as u64 {
        assert_eq!(bench.send("NDATA/n", 3 + n, vec![aliased(1, n as f64)]), []);
    }
    let told = bench.send("NDATA/n", 3 + MOST_HELD as u64, vec![aliased(1, 99.0)]);
    assert_eq!(told.len(), MOST_HELD + 1);
    assert_eq!(bench.status().counters.gaps, 1);
}

#[test]
fn a_message_that_comes_again_is_dropped_and_counted() {
    let mut bench = Bench::born();
    let data = message(bench.ms() + 1, 2, vec![aliased(1, 1.0)]);
    assert_eq!(values(&bench.deliver("NDATA/n", &data)), [good(0, 1.0)]);
    assert_eq!(bench.deliver("NDATA/n", &data), []);
    bench.send("NDATA/n", 3, vec![aliased(1, 2.0)]);
    assert_eq!(bench.deliver("NDATA/n", &data), []);
    let early = message(bench.ms() + 1, 5, vec![aliased(1, 1.0)]);
    bench.deliver("NDATA/n", &early);
    bench.deliver("NDATA/n", &early);
    assert_eq!(bench.status().counters.duplicates, 3);
    assert_eq!(bench.send("NDATA/n", 4, vec![aliased(1, 2.0)]).len(), 2);
}

#[test]
fn a_birth_that_comes_again_changes_nothing_unless_it_was_asked_for() {
    let mut bench = Bench::new();
    let birth = message(bench.ms(), 0, vec![bd_seq(5), named("a", 1, 0.0), named("b", 2, 0.0)]);
    assert_eq!(bench.deliver("NBIRTH/n", &birth).len(), 2);
    bench.send("DBIRTH/n/d", 1, vec![named("a", 3, 0.0), named("c", 4, 0.0)]);
    assert_eq!(bench.deliver("NBIRTH/n", &birth), []);
    assert_eq!(bench.status().devices, [("d", true)]);
    bench.send("NDATA/n", 2, vec![aliased(77, 0.0)]);
    assert_eq!(bench.wanted().len(), 1);
    // A node whose clock stands still.
    assert_eq!(bench.later(3_000).deliver("NBIRTH/n", &birth).len(), 2);
}

#[test]
fn numbers_that_begin_again_without_a_birth_end_the_session() {
    let mut bench = Bench::born();
    for seq in 2..100 {
        bench.send("NDATA/n", seq, vec![aliased(1, 1.0)]);
    }
    assert_eq!(bench.send("NDATA/n", 1, vec![aliased(1, 66.0)]), []);
    let told = bench.later(2_000).tick();
    assert_eq!(values(&told), [bad(0, LOST), bad(1, LOST), bad(2, LOST), bad(3, LOST)]);
    assert_eq!(bench.status().life, Life::Unknown);
    assert_eq!(bench.wanted().len(), 1);
}

#[test]
fn what_overtook_the_birth_it_belongs_to_is_taken_after_it() {
    let mut bench = Bench::born();
    for seq in 2..100 {
        bench.send("NDATA/n", seq, vec![aliased(1, 1.0)]);
    }
    let birth = message(bench.ms() + 1, 0, vec![bd_seq(6), named("a", 2, 0.0), named("b", 1, 0.0)]);
    let data = message(bench.ms() + 2, 1, vec![aliased(1, 6.0)]);
    bench.later(5);
    assert_eq!(bench.deliver("NDATA/n", &data), []);
    assert_eq!(values(&bench.deliver("NBIRTH/n", &birth)), [good(0, 0.0), good(1, 0.0), good(1, 6.0)]);
}

#[test]
fn what_the_session_before_sent_is_not_read_by_the_new_names() {
    let mut bench = Bench::born();
    let old = message(bench.ms() + 1, 3, vec![aliased(1, 66.0)]);
    bench.later(5);
    bench.send("NBIRTH/n", 0, vec![bd_seq(5), named("a", 2, 0.0), named("b", 1, 0.0)]);
    assert_eq!(bench.deliver("NDATA/n", &old), []);
    for seq in 1..5 {
        let told = bench.send("NDATA/n", seq, vec![aliased(1, seq as f64)]);
        assert_eq!(values(&told), [good(1, seq as f64)]);
    }
}

#[test]
fn a_new_birth_gives_aliases_and_datatypes_another_meaning() {
    let mut bench = Bench::born();
    let int = |alias, bits| Metric { value: Some(Value::Int(bits)), ..aliased(alias, 0.0) };
    let as_int = Metric { datatype: Some(2), ..int(2, 0xFFFF) };
    let as_uint = Metric { datatype: Some(6), ..int(1, 0xFFFF) };
    let birth = vec![
        Metric { name: Some("a".to_owned()), ..as_int },
        Metric { name: Some("b".to_owned()), ..as_uint },
    ];
    let told = bench.send("NBIRTH/n", 0, birth);
    assert_eq!(values(&told), [good(0, -1.0), good(1, 65535.0)]);
    let told = bench.send("NDATA/n", 1, vec![int(2, 0xFFF8), int(1, 0xFFF8)]);
    assert_eq!(values(&told), [good(0, -8.0), good(1, 65528.0)]);
}

#[test]
fn the_death_of_the_present_session_makes_every_point_bad() {
    let mut bench = Bench::born();
    let told = bench.send("NDEATH/n", 0, vec![bd_seq(5)]);
    assert_eq!(values(&told), [bad(0, LOST), bad(1, LOST), bad(2, LOST), bad(3, LOST)]);
    assert!(told.iter().all(|t| t.live));
    assert_eq!((bench.status().life, bench.status().devices), (Life::Offline, vec![("d", false)]));
    assert_eq!(bench.wanted(), [], "it will give birth by itself");
}

#[test]
fn the_will_of_a_session_before_is_ignored_and_counted() {
    let mut bench = Bench::born();
    assert_eq!(bench.send("NDEATH/n", 0, vec![bd_seq(4)]), []);
    assert_eq!((bench.status().life, bench.status().counters.stale_deaths), (Life::Online, 1));
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![aliased(1, 1.0)])), [good(0, 1.0)]);
}

#[test]
fn a_death_without_a_session_number_is_believed() {
    let mut bench = Bench::born();
    assert_eq!(bench.send("NDEATH/n", 0, vec![]).len(), 4);
    assert_eq!(bench.status().life, Life::Offline);
}

#[test]
fn the_death_of_a_device_makes_its_points_bad_and_leaves_the_others() {
    let mut bench = Bench::born();
    let told = bench.send("DDEATH/n/d", 2, vec![]);
    assert_eq!(values(&told), [bad(2, LOST), bad(3, LOST)]);
    assert_eq!(bench.status().devices, [("d", false)]);
    assert_eq!(values(&bench.send("NDATA/n", 3, vec![aliased(1, 1.0)])), [good(0, 1.0)]);
    let told = bench.send("DBIRTH/n/d", 4, vec![named("a", 5, 1.0), named("c", 6, 2.0)]);
    assert_eq!(values(&told), [good(2, 1.0), good(3, 2.0)]);
}

#[test]
fn a_device_that_does_not_follow_its_nodes_birth_is_out_of_reach() {
    let mut bench = Bench::born();
    let told = bench.send("NBIRTH/n", 0, vec![bd_seq(5), named("a", 1, 0.0), named("b", 2, 0.0)]);
    assert_eq!(values(&told), [good(0, 0.0), good(1, 0.0)], "no flicker of the device's points");
    assert_eq!(bench.later(4_999).tick(), []);
    assert_eq!(values(&bench.later(1).tick()), [bad(2, LOST), bad(3, LOST)]);
}

#[test]
fn null_and_bad_quality_are_bad_and_history_is_not_live() {
    let mut bench = Bench::born();
    let null = Metric { is_null: Some(true), value: None, ..aliased(1, 0.0) };
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![null])), [bad(0, Cause::NotANumber)]);
    let poor = Metric { properties: Some(quality(500)), ..aliased(1, 3.0) };
    assert_eq!(values(&bench.send("NDATA/n", 3, vec![poor])), [bad(0, Cause::DeviceSaysBad)]);
    let past = Metric { is_historical: Some(true), timestamp: Some(bench.ms() - 60_000), ..aliased(1, 5.0) };
    let told = bench.send("NDATA/n", 4, vec![past, aliased(1, 6.0)]);
    let expected: Vec<_> = told.iter().map(|t| (t.value, t.live)).collect();
    assert_eq!(expected, [(Some(5.0), false), (Some(6.0), true)]);
    assert_eq!(told[1].at_ms - told[0].at_ms, 60_001);
}

#[test]
fn a_message_of_zero_bytes_says_nothing_and_leaves_the_node_online() {
    let mut bench = Bench::born();
    let now = bench.now();
    for topic in ["NDATA/n", "DDATA/n/d", "DBIRTH/n/d", "DDEATH/n/d", "NBIRTH/n"] {
        let mut out = Batch::default();
        let taken = bench.host.message(&format!("spBv1.0/g/{topic}"), b"", false, now, &mut out);
        assert_eq!(taken, Err(SparkplugError::Empty), "{topic}");
        assert!(out.is_empty(), "{topic}");
    }
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![aliased(1, 3.0)])), [good(0, 3.0)]);
    assert_eq!((bench.status().life.word(), bench.status().devices), ("online", vec![("d", true)]));
}

#[test]
fn scale_offset_and_inversion_apply() {
    let mut mappings = super::bench::mappings();
    mappings[0].points[0].meaning.scale = 0.1;
    mappings[0].points[0].meaning.offset = 1.0;
    mappings[0].points[1].meaning.kind = Kind::Truth { invert: true };
    let mut bench = Bench::new();
    bench.host = crate::field::mqtt::sparkplug::Host::new(&mappings, SparkplugRules::default());
    let flag = Metric { value: Some(Value::Boolean(true)), datatype: Some(11), ..named("b", 2, 0.0) };
    let told = bench.send("NBIRTH/n", 0, vec![named("a", 1, 10.0), flag]);
    assert_eq!(values(&told), [good(0, 2.0), good(1, 0.0)]);
}

#[test]
fn one_metric_may_feed_several_points() {
    let mut mappings = super::bench::mappings();
    mappings[0].points[1].metric = "a".to_owned();
    let mut bench = Bench::new();
    bench.host = crate::field::mqtt::sparkplug::Host::new(&mappings, SparkplugRules::default());
    let told = bench.send("NBIRTH/n", 0, vec![named("a", 1, 10.0)]);
    assert_eq!(values(&told), [good(0, 10.0), good(1, 10.0)]);
}

#[test]
fn a_lost_broker_makes_every_point_bad_once() {
    let mut bench = Bench::born();
    bench.send("NDATA/n", 3, vec![aliased(1, 3.0)]);
    let told = bench.later(5).disconnected();
    assert_eq!(
        values(&told),
        [(0, Some(3.0), DOUBT), bad(0, LOST), bad(1, LOST), bad(2, LOST), bad(3, LOST)],
        "what waited is not lost"
    );
    assert_eq!(bench.disconnected(), []);
    assert_eq!(bench.status().life, Life::Unknown);
    assert_eq!(bench.send("NDATA/n", 4, vec![aliased(1, 4.0)]), [], "its session may have ended meanwhile");
}

#[test]
fn a_node_that_was_never_heard_of_is_bad_when_the_broker_is_away() {
    let mut bench = Bench::new();
    assert_eq!(bench.disconnected().len(), 4);
    assert_eq!(bench.disconnected(), []);
}

#[test]
fn once_connected_nodes_that_keep_silent_are_asked_for_a_birth() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.host.connected(now);
    assert_eq!(bench.wanted(), []);
    bench.later(2_000).tick();
    assert_eq!(bench.wanted().len(), 1);
    let mut bench = Bench::new();
    let now = bench.now();
    bench.host.connected(now);
    bench.send("NBIRTH/n", 0, vec![bd_seq(0)]);
    bench.later(2_000).tick();
    assert_eq!(bench.wanted(), []);
}

#[test]
fn unchanged_values_are_told_again_while_their_device_is_online() {
    let mut bench = Bench::born();
    bench.send("NDATA/n", 2, vec![aliased(1, 7.0)]);
    assert_eq!(bench.later(9_990).tick(), []);
    let told = bench.later(20).tick();
    assert_eq!(values(&told), [good(0, 7.0), good(1, 0.0), good(2, 0.0), good(3, 0.0)]);
    assert!(told.iter().all(|t| t.live && t.at_ms == bench.mono.as_millis() as i64));
    assert_eq!(bench.tick(), []);
    bench.send("DDEATH/n/d", 3, vec![]);
    assert_eq!(values(&bench.later(10_000).tick()), [good(0, 7.0), good(1, 0.0)]);
    bench.send("NDEATH/n", 0, vec![bd_seq(5)]);
    assert_eq!(bench.later(10_000).tick(), []);
}

#[test]
fn a_zero_that_a_proto3_writer_leaves_out_is_a_zero() {
    let mut bench = Bench::born();
    for seq in 2..256 {
        bench.send("NDATA/n", seq, vec![aliased(1, 1.0)]);
    }
    let data = Payload { seq: None, ..message(bench.ms() + 1, 0, vec![aliased(1, 2.0)]) };
    assert_eq!(values(&bench.deliver("NDATA/n", &data)), [good(0, 2.0)]);
}

#[test]
fn what_cannot_be_read_is_an_error_and_changes_nothing() {
    let mut bench = Bench::born();
    assert!(matches!(bench.bytes("NDATA/n", &[0xFF]), Err(SparkplugError::NotProtobuf(_))));
    let wrong = bench.bytes("NVALUE/n", &[]);
    assert_eq!(wrong, Err(SparkplugError::Topic(TopicError::Kind("NVALUE".to_owned()))));
    let payload = message(bench.ms(), 2, vec![aliased(1, 9.0)]).encode_to_vec();
    let now = bench.now();
    let retained = bench.host.message("spBv1.0/g/NDATA/n", &payload, true, now, &mut Batch::default());
    assert_eq!(retained, Err(SparkplugError::Retained));
    assert_eq!(bench.host.refused(), 3);
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![aliased(1, 1.0)])), [good(0, 1.0)]);
}

#[test]
fn commands_and_states_are_none_of_our_business() {
    let mut bench = Bench::born();
    assert_eq!(bench.send("NCMD/n", 200, vec![aliased(1, 9.0)]), []);
    assert_eq!(bench.send("DCMD/n/d", 200, vec![aliased(3, 9.0)]), []);
    let now = bench.now();
    let state = bench.host.message("spBv1.0/STATE/h", b"{}", true, now, &mut Batch::default());
    assert_eq!(state, Ok(()));
    assert_eq!(values(&bench.send("NDATA/n", 2, vec![aliased(1, 1.0)])), [good(0, 1.0)]);
}

#[test]
fn the_filters_name_every_node_and_its_devices_once() {
    let filters: Vec<_> = Bench::new().host.filters().collect();
    assert_eq!(filters, ["spBv1.0/g/+/n", "spBv1.0/g/+/n/+"]);
}
