//! The steps every reading goes through, one by one: judging, packing, line protocol.
//!
//! `cargo bench --bench hot_path`

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use steamward::alarm::Engine;
use steamward::outlet::influx::encode::{Encoder, Lines};
use steamward::plant::{Batch, DeviceIx, Micros, Now, Plant, PointIx, Quality, Reading, SampleHead};
use steamward::settings;
use steamward::store::{Journal, unpack};

const DEVICES: u32 = 100;
const POINTS: u32 = 100;

fn plant() -> Plant {
    let mut profile = "kind = \"bench\"\n".to_owned();
    for n in 0..POINTS {
        profile += &format!(
            "[[point]]\nid = \"p{n}\"\naddress = {}\nscale = 0.1\nrange = [-1000, 10000]\n\
             limits = {{ ll = {{ at = -90 }}, l = {{ at = -50, deadband = 5 }}, h = {{ at = 5000, deadband = 5 }}, hh = {{ at = 6000 }} }}\n",
            40001 + n
        );
    }
    let mut text =
        "[site]\nid = \"n\"\n[[source.modbus]]\nid = \"s\"\naddress = \"tcp://192.0.2.1\"\n".to_owned();
    for n in 0..DEVICES {
        text += &format!("[[equipment]]\nid = \"e{n}\"\nprofile = \"p\"\nsource = \"s\"\nunit = {}\n", n + 1);
    }
    let loaded = settings::load_texts(&[("t.toml", &text)], &[("p.toml", &profile)], &[]);
    loaded.expect("good settings").settings.plant
}

/// One round of all devices; `step` moves the values a little.
/// Readings are committed in the second in which they are taken, as in a plant.
fn taken_at(step: u64) -> Micros {
    Micros(1_790_000_000_000_000 + step as i64 * 1_000_000)
}

fn round(step: u64) -> Batch {
    let mut batch = Batch::default();
    for device in 0..DEVICES {
        let readings: Vec<Reading> = (0..POINTS)
            .map(|n| Reading {
                point: PointIx(device * POINTS + n),
                value: f64::from(n * 37 + (step % 16) as u32) / 10.0,
                quality: Quality::Good,
            })
            .collect();
        batch.push(DeviceIx(device), taken_at(step), true, &readings);
    }
    batch
}

fn judge(c: &mut Criterion) {
    let plant = plant();
    let mut engine = Engine::new(&plant, Now { mono: Duration::ZERO, wall: Micros(0) });
    let mut group = c.benchmark_group("judge");
    group.throughput(Throughput::Elements(u64::from(DEVICES * POINTS)));
    let (mut batch, mut out, mut second) = (round(0), Vec::new(), 0u64);
    group.bench_function("10 000 points, range and four limits each", |b| {
        b.iter(|| {
            second += 1;
            let now = Now { mono: Duration::from_secs(second), wall: Micros(second as i64 * 1_000_000) };
            for (head, readings) in batch.samples_mut() {
                engine.sample(SampleHead { ..head }, readings, now, &mut out);
            }
            engine.tick(now, &mut out);
            black_box(out.len());
            out.clear();
        });
    });
    group.finish();
}

fn keep_and_encode(c: &mut Criterion) {
    let plant = plant();
    let dir = tempfile::tempdir().expect("a folder");
    let mut journal = Journal::open(dir.path(), &plant, Micros(0)).expect("a journal").journal;
    let reader = journal.reader().expect("a reader");
    let mut group = c.benchmark_group("store and encode");
    group.throughput(Throughput::Elements(u64::from(DEVICES * POINTS)));
    let step = std::cell::Cell::new(0u64);
    group.bench_function("commit 10 000 readings, fsync included", |b| {
        b.iter_batched(
            || {
                step.set(step.get() + 1);
                round(step.get())
            },
            |batch| journal.commit(&batch, &[], taken_at(step.get())).expect("a commit"),
            BatchSize::SmallInput,
        );
    });
    // There is one also where a filter leaves the bench above out.
    journal.commit(&round(0), &[], taken_at(0)).expect("a commit");
    let chunk = reader.next_after(0).expect("readable").expect("a chunk");
    let encoder = Encoder::new("n", &reader.series().expect("series"), journal.texts());
    let mut lines = Lines::default();
    group.bench_function("unpack and write as line protocol", |b| {
        b.iter(|| {
            lines.clear();
            unpack(&chunk.body, |sample| encoder.encode(&sample, &mut lines)).expect("unpacks");
            black_box(lines.text.len());
        });
    });
    group.finish();
}

criterion_group!(benches, judge, keep_and_encode);
criterion_main!(benches);
