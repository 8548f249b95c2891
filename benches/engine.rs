//! What judging costs by the number of points: time, allocations, memory. `cargo bench --bench engine`.
//!
//! Every point has a range, four limits and a no-data rule. *Calm*: all values between their limits. *Near*:
//! every value moves through the deadband of its H limit with an alarm standing, so no point is left out of
//! the full judgement.

use std::time::{Duration, Instant};

use steamward::alarm::Engine;
use steamward::plant::{Batch, DeviceIx, Micros, Now, Plant, PointIx, Quality, Reading};
use steamward::settings;

const POINTS_A_DEVICE: u32 = 100;
const ROUNDS: u32 = 40;

fn plant(devices: u32) -> Plant {
    let mut profile = "kind = \"bench\"\n".to_owned();
    for n in 0..POINTS_A_DEVICE {
        profile += &format!(
            "[[point]]\nid = \"p{n}\"\naddress = {}\nscale = 0.1\nrange = [-1000, 10000]\n\
             limits = {{ ll = {{ at = -90 }}, l = {{ at = -50, deadband = 5 }}, h = {{ at = 5000, deadband = 50 }}, hh = {{ at = 6000 }} }}\n",
            40001 + n
        );
    }
    let mut text = "[site]\nid = \"n\"\n".to_owned();
    for n in 0..devices {
        let source = n / 200;
        if n % 200 == 0 {
            text += &format!(
                "[[source.modbus]]\nid = \"s{source}\"\naddress = \"tcp://192.0.2.1:{}\"\n",
                1000 + source
            );
        }
        text += &format!(
            "[[equipment]]\nid = \"e{n}\"\nprofile = \"p\"\nsource = \"s{source}\"\nunit = {}\n",
            n % 200 + 1
        );
    }
    let loaded = settings::load_texts(&[("t.toml", &text)], &[("p.toml", &profile)], &[]);
    loaded.expect("good settings").settings.plant
}

fn round(devices: u32, value: impl Fn(u32) -> f64) -> Batch {
    let mut batch = Batch::default();
    for device in 0..devices {
        let readings: Vec<Reading> = (0..POINTS_A_DEVICE)
            .map(|n| {
                let point = device * POINTS_A_DEVICE + n;
                Reading { point: PointIx(point), value: value(n), quality: Quality::Good }
            })
            .collect();
        batch.push(DeviceIx(device), Micros(1_790_000_000_000_000), true, &readings);
    }
    batch
}

/// Nanoseconds a reading, and allocations in all rounds.
fn judge(engine: &mut Engine, rounds: &mut [Batch; 2], second: &mut u64) -> (f64, u64) {
    let mut out = Vec::with_capacity(16);
    let (mut took, mut readings) = (Duration::ZERO, 0u64);
    let allocated = allocation_counter::measure(|| {
        for n in 0..ROUNDS {
            *second += 1;
            let now = Now { mono: Duration::from_secs(*second), wall: Micros(*second as i64 * 1_000_000) };
            let batch = &mut rounds[n as usize % 2];
            let began = Instant::now();
            for (head, readings) in batch.samples_mut() {
                engine.sample(head, readings, now, &mut out);
            }
            engine.tick(now, &mut out);
            took += began.elapsed();
            readings += batch.readings_len() as u64;
            assert!(out.is_empty(), "a value moved an alarm");
        }
    });
    (took.as_nanos() as f64 / readings as f64, allocated.count_total)
}

fn main() {
    println!("points, bytes a point, then ns a reading and allocations: calm; near");
    for devices in [1, 10, 100, 1000] {
        let plant = plant(devices);
        let start = Now { mono: Duration::ZERO, wall: Micros(0) };
        let mut made = None;
        let memory = allocation_counter::measure(|| made = Some(Engine::new(&plant, start)));
        let mut engine = made.expect("just made");
        let points = devices * POINTS_A_DEVICE;
        let mut second = 0;
        let mut calm = [round(devices, f64::from), round(devices, |n| f64::from(n) + 0.5)];
        let _ = judge(&mut engine, &mut calm, &mut second);
        let (calm_ns, calm_allocations) = judge(&mut engine, &mut calm, &mut second);
        // Raises every H alarm, once; what an alarm needs is made then.
        let mut out = Vec::new();
        let mut high = round(devices, |_| 5000.0);
        let now = Now { mono: Duration::from_secs(second), wall: Micros(second as i64 * 1_000_000) };
        for (head, readings) in high.samples_mut() {
            engine.sample(head, readings, now, &mut out);
        }
        let mut near = [round(devices, |_| 4990.0), round(devices, |_| 4960.0)];
        let (near_ns, near_allocations) = judge(&mut engine, &mut near, &mut second);
        println!(
            "{points}, {}, {calm_ns:.1} and {calm_allocations}; {near_ns:.1} and {near_allocations}",
            memory.bytes_current / i64::from(points)
        );
    }
}
