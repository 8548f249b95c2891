//! The demo plant: a boiler house with believable physics on real Modbus TCP and MQTT sockets,
//! stand-ins for the database and the inspection system, and faults to play.
//!
//! The gateway that reads it is the one users run; it gets ordinary settings (see [`Plant::files`])
//! and cannot tell the difference. Called by `cli/demo`; knows nothing of the gateway.

pub mod boiler;
pub mod day;
pub mod fault;
pub mod gate;
pub mod house;
mod modbus;
mod mqtt;
pub mod receiver;
pub mod scenario;
mod sink;
pub mod tally;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fault::Fault;
use gate::{Door, Gate};
use house::House;
use sink::Keep;

/// Physics and faults move in steps of this length.
const STEP: Duration = Duration::from_millis(100);

/// The running plant.
#[derive(Debug)]
pub struct Plant {
    house: Arc<Mutex<House>>,
    dir: PathBuf,
    gates: Arc<Gates>,
}

#[derive(Debug)]
struct Gates {
    plc: Gate,
    broker: Gate,
    database: Gate,
    inspection: Gate,
}

impl Plant {
    /// Starts everything in the current runtime. `dir` takes the key and, with `keep`, the files of
    /// what the stand-ins took. With `programme`, faults come and go by themselves.
    ///
    /// # Errors
    /// A port, a thread or a file cannot be had.
    pub async fn start(dir: &Path, keep: bool, programme: bool) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let key = format!("{:032x}", fastrand::u128(..));
        std::fs::write(dir.join("inspection.key"), &key)?;
        let house = Arc::new(Mutex::new(House::new(20_261_124, programme)));
        let kept = |name: &str| if keep { Keep::file(&dir.join(name)) } else { Ok(Keep::nothing()) };
        let broker = mqtt::start_broker().await?;
        let gates = Arc::new(Gates {
            plc: Gate::open(modbus::start(Arc::clone(&house)).await?).await?,
            broker: Gate::open(broker).await?,
            database: Gate::open(sink::start_database(kept(DATABASE_FILE)?).await?).await?,
            inspection: Gate::open(sink::start_inspection(kept(INSPECTION_FILE)?, key).await?).await?,
        });
        // The device sits beside the broker: with the broker's door shut its messages wait there.
        mqtt::start_device(Arc::clone(&house), broker);
        let (moving, doors) = (Arc::clone(&house), Arc::clone(&gates));
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(STEP);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
            loop {
                tick.tick().await;
                let mut house = lock(&moving);
                house.step(STEP);
                let door = |fault, closed| if house.faults.is_active(fault) { closed } else { Door::Open };
                doors.plc.set(door(Fault::DeviceDead, Door::Silent));
                doors.broker.set(door(Fault::BrokerAway, Door::Away));
                doors.database.set(door(Fault::DatabaseAway, Door::Away));
                doors.inspection.set(door(Fault::InspectionAway, Door::Away));
            }
        });
        Ok(Self { house, dir: dir.to_owned(), gates })
    }

    /// The settings of a gateway for this plant, as files: (name, text), first the main file.
    #[must_use]
    pub fn files(&self, listen: std::net::SocketAddr) -> (String, [(&'static str, &'static str); 3]) {
        let text = |path: PathBuf| path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
        let main = include_str!("plant/steamward.toml")
            .replace("{MODBUS}", &self.gates.plc.address().to_string())
            .replace("{MQTT}", &self.gates.broker.address().to_string())
            .replace("{DATABASE}", &self.gates.database.address().to_string())
            .replace("{INSPECTION}", &self.gates.inspection.address().to_string())
            .replace("{TOPIC}", mqtt::RECEIVER_TOPIC)
            .replace("{LISTEN}", &listen.to_string())
            .replace("{KEY_FILE}", &text(self.dir.join("inspection.key")))
            .replace("{DIR}", &text(self.dir.clone()));
        let profiles = [
            ("s7-1200-gas-boiler.toml", include_str!("../../config/profiles/s7-1200-gas-boiler.toml")),
            ("air-receiver-mqtt.toml", include_str!("../../config/profiles/air-receiver-mqtt.toml")),
            ("recorder.toml", include_str!("plant/recorder.toml")),
        ];
        (main, profiles)
    }

    /// The house, to look at or to break.
    pub fn house(&self) -> MutexGuard<'_, House> {
        lock(&self.house)
    }

    /// Where the stand-in database keeps what it took.
    #[must_use]
    pub fn database_file(dir: &Path) -> PathBuf {
        dir.join(DATABASE_FILE)
    }

    /// Where the stand-in inspection system keeps what it took.
    #[must_use]
    pub fn inspection_file(dir: &Path) -> PathBuf {
        dir.join(INSPECTION_FILE)
    }
}

const DATABASE_FILE: &str = "database.lp";
const INSPECTION_FILE: &str = "inspection.jsonl";

fn lock(house: &Mutex<House>) -> MutexGuard<'_, House> {
    house.lock().unwrap_or_else(PoisonError::into_inner)
}
