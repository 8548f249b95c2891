//! Steamward: the edge gateway that reads boilers and pressure vessels, judges every reading
//! against limits, keeps what it was given until the database has it, and turns a breach into a
//! hazard record (隐患) that somebody must own and close.
//!
//! The house in one screen:
//!
//! ```text
//!  field ──▶ keeper: alarm ─▶ hazard ─▶ store ──▶ outlet
//!  Modbus         (pure)       (pure)     SQLite     InfluxDB, inspection feed
//!  MQTT                                     ▲
//!                                           └────── console (API, live events, page)
//! ```
//!
//! | room | what lives there | may know |
//! |---|---|---|
//! | [`cli`] | one file a command: parse, call, print | everything |
//! | [`parts`] | what may fail by itself: started, told of, started again | `clock` |
//! | [`settings`] | the integrator's files → a checked plan, or errors with file, line, key | `plant`, `derive` |
//! | [`plant`] | the vocabulary: site, equipment, point, limit, quality, sample; pure | nothing |
//! | [`clock`] | the wall clock, read in one place, and whether to believe it | `plant` |
//! | [`field`] | Modbus, MQTT and HTTP push: wires → samples | `plant`, `settings`, `clock`, `parts` |
//! | `broker` | the embedded MQTT broker of small sites, a process of its own | `settings`, `parts` |
//! | [`derive`] | derived quantities: the formula language, boiler and vessel functions; pure | `plant` |
//! | [`people`] | who acts, in which role, by which way in; pure | nothing |
//! | [`alarm`] | limits, ISA-18.2 alarm states, the engine; pure | `plant`, `people`, `derive` |
//! | [`hazard`] | record, lifecycle, events; pure | `plant`, `people`, `alarm` |
//! | [`audit`] | the chain of everything that was changed, and by whom; pure | `plant`, `people` |
//! | [`command`] | what may be asked, by whom, and why not; pure | `people`, `alarm`, `hazard` |
//! | [`live`] | what is true now, for whoever shows it; the way of a command to the keeper | `plant`, `hazard`, `command` |
//! | [`store`] | `journal.db` and `ledger.db` | `plant`, `people`, `alarm`, `hazard`, `audit` |
//! | [`outlet`] | readers with their own cursor: InfluxDB, inspection feed | `plant`, `settings`, `store`, `clock`, `parts` |
//! | [`console`] | API, live events, page | `plant`, `people`, `settings`, `alarm`, `hazard`, `command`, `live`, `outlet`, `store`, `clock`, `parts` |
//! | [`keeper`] | the one writer: judge, commit, restore, upkeep | `plant`, `people`, `settings`, `alarm`, `hazard`, `command`, `live`, `store`, `outlet`, `field`, `clock`, `parts`, `exit` |
//! | [`tongue`] | the command line's sentences in Chinese, found by the English ones; pure | nothing |
//! | `simulate` | the demo plant: physics, Modbus and MQTT devices, faults | nothing |
//! | [`exit`] | exit codes | nothing |
//! | [`gateway`] | wires the above: composition, reload, trial | everything |
//!
//! Imports point one way, and `tests/architecture.rs` holds that. Three rules explain most of the code:
//! nothing is acknowledged or sent before it is on the disk (decision 96 tells of a dead one); unknown is not
//! normal; a sick device, sink or file costs only itself. A panic is our bug, never bad input; it
//! ends its source or part, which is started again, and elsewhere the process.

pub mod alarm;
pub mod audit;
#[cfg(feature = "broker")]
pub mod broker;
pub mod cli;
pub mod clock;
pub mod command;
pub mod console;
pub mod derive;
pub mod exit;
pub mod field;
pub mod gateway;
pub mod hazard;
pub mod keeper;
pub mod live;
pub mod outlet;
pub mod parts;
pub mod people;
pub mod plant;
pub mod settings;
#[cfg(feature = "demo")]
pub mod simulate;
pub mod store;
pub mod tongue;
