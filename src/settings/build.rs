//! The merged tree → [`Settings`]: sources, profiles and equipment put together, every index valid.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use super::fault::{Fault, nearest};
use super::profile::{LimitSetting, Profile, ProfilePoint, limits, parse};
use super::source::Merged;
use super::types::{
    Console, Evidence, InfluxApi, InfluxOutlet, InspectionOutlet, Log, ModbusDevice, ModbusPoint,
    ModbusSource, MqttMapping, MqttPoint, MqttSource, MqttVersion, Outlets, Secret, Settings, Store,
};
use super::walk::Walk;
use crate::plant::{
    Device, DeviceIx, Equipment, EquipmentIx, Id, LimitKind, Name, NoData, Plant, Point, PointIx, Priority,
    Site,
};

/// Profiles by name: (file, text).
pub(super) type ProfileTexts = HashMap<String, (String, String)>;

/// Until a point is complete: no no-data alarm wanted, or one after the device's own silence.
const NO_ALARM: Duration = Duration::ZERO;
const BY_DEVICE: Duration = Duration::MAX;

struct ModbusDefaults {
    source: ModbusSource,
    period: Duration,
    max_registers: u16,
    max_gap: u16,
}

pub(super) fn build(
    merged: &Merged,
    texts: &ProfileTexts,
    faults: &RefCell<Vec<Fault>>,
    warnings: &RefCell<Vec<Fault>>,
) -> Option<Settings> {
    let root = Walk::root(merged, faults);
    let site = root.table("site").and_then(|w| site(&w));
    if !root.has("site") {
        root.fault("site", "missing", "write [site] with id and name");
    }
    let (mut modbus, mut mqtt) = (Vec::new(), Vec::new());
    let mut expected = HashMap::new();
    let mut declared = Vec::new();
    let site_id = site.as_ref().map_or("site", |s: &Site| s.id.as_str()).to_owned();
    if let Some(sources) = root.table("source") {
        for (name, w) in sources.entries("modbus") {
            declared.push(name.to_owned());
            modbus.extend(modbus_source(name, &w, warnings));
        }
        for (name, w) in sources.entries("mqtt") {
            declared.push(name.to_owned());
            if let Some((source, expect)) = mqtt_source(name, &w, &site_id) {
                expected.insert(source.id.to_string(), expect);
                mqtt.push(source);
            }
        }
        sources.finish();
    }
    let mut plant = PlantBuilder {
        texts,
        profiles: HashMap::new(),
        faults,
        modbus,
        mqtt,
        expected,
        declared,
        equipment: Vec::new(),
        points: Vec::new(),
        devices: Vec::new(),
    };
    for (name, w) in root.entries("equipment") {
        plant.equipment(name, &w);
    }
    if plant.equipment.is_empty() && !root.has("equipment") {
        root.fault("equipment", "missing", "write at least one [[equipment]]");
    }
    let outlets = root.table("outlet").map(|w| outlets(&w)).unwrap_or_default();
    for twin in outlets.inspection.iter().filter(|i| outlets.influx.iter().any(|o| o.id == i.id)) {
        let key = format!("outlet.inspection.{}", twin.id);
        root.fault(&key, "an InfluxDB outlet has the same id", "give each outlet its own id");
    }
    for twin in plant.mqtt.iter().filter(|m| plant.modbus.iter().any(|d| d.source.id == m.id)) {
        let key = format!("source.mqtt.{}", twin.id);
        root.fault(&key, "a Modbus source has the same id", "give each source its own id");
    }
    let store = store(root.table("store").as_ref());
    let console = console(root.table("console").as_ref());
    let evidence = evidence(root.table("evidence").as_ref());
    if store.keep < evidence.before + evidence.after {
        let key = if root.has("store") { "store.keep" } else { "evidence" };
        warnings.borrow_mut().push(Fault {
            place: root.place(key),
            key: key.to_owned(),
            problem: "readings are kept for a shorter time than the evidence window is long".to_owned(),
            remedy: "keep = at least evidence.before + evidence.after".to_owned(),
        });
    }
    let log = log(root.table("log").as_ref());
    root.finish();
    let (modbus, mqtt) = (plant.modbus.into_iter().map(|d| d.source).collect(), plant.mqtt);
    let plant =
        Plant { site: site?, equipment: plant.equipment, points: plant.points, devices: plant.devices };
    Some(Settings { plant, modbus, mqtt, outlets, store, console: console?, evidence, log })
}

fn id(w: &Walk<'_>, name: &str) -> Option<Id> {
    w.mark("id");
    Id::new(name).map_err(|e| w.fault("id", e.to_string(), "e.g. boiler-1")).ok()
}

fn site(w: &Walk<'_>) -> Option<Site> {
    let id = w
        .need("id", "\"north\"")
        .and_then(|t| Id::new(t).map_err(|e| w.fault("id", e.to_string(), "e.g. north")).ok());
    let timezone = w.text("timezone").unwrap_or("Asia/Shanghai").to_owned();
    if jiff::tz::TimeZone::get(&timezone).is_err() {
        w.fault("timezone", format!("`{timezone}` is no time zone"), "an IANA name, e.g. Asia/Shanghai");
    }
    let (zh, en) = (w.text("name"), w.text("name_en"));
    let region = w.text("region").map(str::to_owned);
    w.finish();
    let id = id?;
    Some(Site { name: Name::new(zh, en, id.as_str()), id, region, timezone })
}

fn address(w: &Walk<'_>, scheme: &str, port: u16, example: &str) -> Option<(String, u16)> {
    let text = w.need("address", example)?;
    let parsed = text.strip_prefix(scheme).and_then(|rest| {
        let rest = rest.trim_end_matches('/');
        match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => {
                Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
            }
            Some(_) => None,
            None if rest.is_empty() => None,
            None => Some((rest.to_owned(), port)),
        }
    });
    if parsed.is_none() {
        w.fault("address", format!("`{text}` is no address"), format!("write address = {example}"));
    }
    parsed
}

fn modbus_source(name: &str, w: &Walk<'_>, warnings: &RefCell<Vec<Fault>>) -> Option<ModbusDefaults> {
    let id = id(w, name);
    let address = address(w, "tcp://", 502, "\"tcp://192.0.2.10:502\"");
    let period = poll_period(w, Duration::from_secs(1));
    let timeout = positive(w, "timeout", Duration::from_millis(500));
    if timeout > period {
        warnings.borrow_mut().push(Fault {
            place: w.place("timeout"),
            key: format!("{}.timeout", w.path),
            problem: "longer than the period".to_owned(),
            remedy: "a silent device then skips polls; keep the timeout below the period".to_owned(),
        });
    }
    let reconnect =
        range(w, ("reconnect_min", Duration::from_millis(500)), ("reconnect_max", Duration::from_secs(30)));
    let max_registers = w.whole("max_registers", 4, 125).unwrap_or(125) as u16;
    let max_gap = w.whole("max_gap", 0, 124).unwrap_or(0) as u16;
    w.finish();
    let (host, port) = address?;
    let source = ModbusSource { id: id?, host, port, timeout, reconnect, devices: Vec::new() };
    Some(ModbusDefaults { source, period, max_registers, max_gap })
}

fn mqtt_source(name: &str, w: &Walk<'_>, site: &str) -> Option<(MqttSource, Duration)> {
    let id = id(w, name);
    let address = address(w, "mqtt://", 1883, "\"mqtt://192.0.2.20:1883\"");
    let version = match w.whole("version", 3, 5) {
        Some(3) => MqttVersion::V3,
        None | Some(5) => MqttVersion::V5,
        Some(_) => {
            w.fault("version", "not a protocol version", "5, or 3 for MQTT 3.1.1");
            MqttVersion::V5
        }
    };
    let client_id = w.text("client_id").map_or_else(|| format!("steamward-{site}-{name}"), str::to_owned);
    let login = login(w);
    let keep_alive = positive(w, "keep_alive", Duration::from_secs(30));
    if keep_alive < Duration::from_secs(5) {
        w.fault("keep_alive", "shorter than 5 s", "\"5s\" or longer; \"30s\" suits most brokers");
    }
    if client_id.is_empty() {
        w.fault("client_id", "empty", "a name of its own for this gateway: the session is kept under it");
    }
    let receive_maximum = w.whole("receive_maximum", 1, 65535).unwrap_or(1000) as u16;
    let session_expiry = positive(w, "session_expiry", Duration::from_secs(86400));
    let expect = positive(w, "expect_every", Duration::from_secs(10));
    w.finish();
    let (host, port) = address?;
    let source = MqttSource {
        id: id?,
        host,
        port,
        version,
        client_id,
        login,
        keep_alive,
        receive_maximum,
        session_expiry,
        mappings: Vec::new(),
    };
    Some((source, expect))
}

/// Faster than this nobody polls a fieldbus device.
const SHORTEST_PERIOD: Duration = Duration::from_millis(10);

fn poll_period(w: &Walk<'_>, default: Duration) -> Duration {
    let period = w.duration("period").unwrap_or(default);
    if period < SHORTEST_PERIOD {
        w.fault("period", "shorter than 10 ms", "\"10ms\" or longer; \"1s\" suits most devices");
        return default.max(SHORTEST_PERIOD);
    }
    period
}

fn positive(w: &Walk<'_>, key: &'static str, default: Duration) -> Duration {
    match w.duration(key) {
        Some(d) if d.is_zero() => {
            w.fault(key, "zero", "more than nothing, e.g. \"1s\"");
            default
        }
        Some(d) => d,
        None => default,
    }
}

fn range(
    w: &Walk<'_>,
    low: (&'static str, Duration),
    high: (&'static str, Duration),
) -> (Duration, Duration) {
    let (first, longest) = (positive(w, low.0, low.1), positive(w, high.0, high.1));
    if first > longest {
        w.fault(
            low.0,
            format!("longer than {}", high.0),
            "the first pause must not be longer than the longest",
        );
    }
    (first, longest)
}

fn secret(w: &Walk<'_>, key: &'static str) -> Option<Secret> {
    if !w.has(key) {
        w.mark(key);
        return None;
    }
    if w.is_plain_text(key) {
        w.mark(key);
        w.fault(
            key,
            "a secret does not stand in a settings file",
            format!("{key} = {{ file = \"/path\" }} or {key} = {{ env = \"NAME\" }}"),
        );
        return None;
    }
    let s = w.table(key)?;
    let (file, env) = (s.text("file"), s.text("env"));
    s.finish();
    let read = match (file, env) {
        (Some(file), None) => std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}")),
        (None, Some(name)) => std::env::var(name).map_err(|_| format!("the environment has no {name}")),
        (Some(_), Some(_)) => Err("both file and env: which of them?".to_owned()),
        (None, None) => Err("neither file nor env".to_owned()),
    };
    match read {
        Ok(text) if !text.trim().is_empty() => Some(Secret::new(text.trim().to_owned())),
        Ok(_) => {
            s.fault("", "the secret is empty", "put the secret there, without anything else");
            None
        }
        Err(e) => {
            s.fault(
                "",
                e,
                format!(
                    "{key} = {{ file = \"/path\" }} or {key} = {{ env = \"NAME\" }}, readable by this user"
                ),
            );
            None
        }
    }
}

/// What is wrong with a topic filter (MQTT 5.0, 4.7).
fn filter_fault(filter: &str) -> Option<String> {
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len() - 1;
    if filter.is_empty() || filter.contains('\0') {
        return Some("no topic filter".to_owned());
    }
    levels.iter().enumerate().find_map(|(n, level)| {
        let wild = level.contains(['+', '#']);
        let misplaced = wild && (level.len() > 1 || (*level == "#" && n != last));
        misplaced.then(|| format!("`{level}` may not stand there"))
    })
}

fn login(w: &Walk<'_>) -> Option<(String, Secret)> {
    let name = w.text("username").map(str::to_owned);
    let password = secret(w, "password");
    if name.is_some() != (password.is_some() || w.has("password")) {
        w.fault("username", "username and password go together", "give both or neither");
    }
    Some((name?, password?))
}

fn outlets(w: &Walk<'_>) -> Outlets {
    let mut outlets = Outlets::default();
    for (name, o) in w.entries("influx") {
        let id = id(&o, name);
        let url = url(&o);
        let version = o.word("api", &[("v2", 2), ("v1", 1)]).unwrap_or(2);
        let api = if version == 1 {
            let database = o.need("database", "\"boilers\"").unwrap_or_default().to_owned();
            InfluxApi::V1 { database, login: login(&o) }
        } else {
            let org = o.text("org").unwrap_or_default().to_owned();
            let bucket = o.need("bucket", "\"boilers\"").unwrap_or_default().to_owned();
            InfluxApi::V2 { org, bucket, token: secret(&o, "token") }
        };
        let outlet = (|gzip, batch_readings, batch_age, timeout, retry| {
            Some(InfluxOutlet { id: id?, url: url?, api, gzip, batch_readings, batch_age, timeout, retry })
        })(
            o.flag("gzip").unwrap_or(true),
            o.whole("batch_readings", 1, 1_000_000).unwrap_or(10_000) as usize,
            o.duration("batch_age").unwrap_or(Duration::from_secs(1)),
            positive(&o, "timeout", Duration::from_secs(10)),
            range(&o, ("retry_min", Duration::from_secs(1)), ("retry_max", Duration::from_secs(60))),
        );
        o.finish();
        outlets.influx.extend(outlet);
    }
    for (name, o) in w.entries("inspection") {
        let id = id(&o, name);
        let url = url(&o);
        let secret = secret(&o, "secret");
        let whsec = secret.as_ref().and_then(|s| s.expose().strip_prefix("whsec_"));
        if whsec.is_some_and(|key| BASE64.decode(key).is_err()) {
            o.fault(
                "secret",
                "begins with whsec_ but is no base64 behind it",
                "the key as the receiver gave it",
            );
        }
        let timeout = positive(&o, "timeout", Duration::from_secs(10));
        let retry = range(&o, ("retry_min", Duration::from_secs(1)), ("retry_max", Duration::from_secs(300)));
        o.finish();
        if let (Some(id), Some(url)) = (id, url) {
            outlets.inspection.push(InspectionOutlet { id, url, secret, timeout, retry });
        }
    }
    w.finish();
    outlets
}

fn url(w: &Walk<'_>) -> Option<String> {
    let text = w.need("url", "\"http://127.0.0.1:8086\"")?;
    let good = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace));
    if !good {
        w.fault("url", format!("`{text}` is no URL"), "http://host:port or https://host:port");
        return None;
    }
    Some(text.to_owned())
}

fn store(w: Option<&Walk<'_>>) -> Store {
    let mut store = Store {
        dir: PathBuf::from("data"),
        commit_every: Duration::from_secs(1),
        journal_max_bytes: 2 << 30,
        keep: Duration::from_secs(7 * 86400),
    };
    if let Some(w) = w {
        if let Some(dir) = w.text("dir") {
            store.dir = PathBuf::from(dir);
        }
        if let Some(every) = w.duration("commit_every") {
            if every > Duration::from_secs(10) {
                w.fault(
                    "commit_every",
                    "longer than 10 s",
                    "readings wait in memory that long: at most \"10s\"",
                );
            }
            store.commit_every = every;
        }
        if let Some(text) = w.text("journal_max") {
            match bytes(text) {
                Some(n) if n >= 1 << 20 => store.journal_max_bytes = n,
                _ => w.fault(
                    "journal_max",
                    format!("`{text}` is no size of 1 MiB or more"),
                    "e.g. \"2GiB\", \"500MiB\"",
                ),
            }
        }
        store.keep = w.duration("keep").unwrap_or(store.keep);
        w.finish();
    }
    store
}

fn bytes(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let shift = match text[split..].trim() {
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    text[..split].parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn console(w: Option<&Walk<'_>>) -> Option<Console> {
    let default = std::net::SocketAddr::from(([127, 0, 0, 1], 8686));
    let Some(w) = w else { return Some(Console { listen: default, token: None }) };
    let listen = match w.text("listen").map(|t| (t, t.parse::<std::net::SocketAddr>())) {
        None => default,
        Some((_, Ok(listen))) => listen,
        Some((text, Err(_))) => {
            w.fault(
                "listen",
                format!("`{text}` is no address to listen on"),
                "an address and a port, e.g. \"127.0.0.1:8686\"",
            );
            default
        }
    };
    let token = secret(w, "token");
    if !listen.ip().is_loopback() && token.is_none() && !w.has("token") {
        w.fault(
            "listen",
            format!("{listen} is reachable from the network, and no token is set"),
            "set console.token = { file = \"…\" }, or listen on 127.0.0.1",
        );
    }
    w.finish();
    Some(Console { listen, token })
}

fn evidence(w: Option<&Walk<'_>>) -> Evidence {
    let mut evidence = Evidence { before: Duration::from_secs(1800), after: Duration::from_secs(600) };
    if let Some(w) = w {
        evidence.before = w.duration("before").unwrap_or(evidence.before);
        evidence.after = w.duration("after").unwrap_or(evidence.after);
        w.finish();
    }
    evidence
}

fn log(w: Option<&Walk<'_>>) -> Log {
    let mut log = Log { json: false, filter: "info".to_owned() };
    if let Some(w) = w {
        log.json = w.word("format", &[("text", false), ("json", true)]).unwrap_or(false);
        if let Some(filter) = w.text("filter") {
            if tracing_subscriber::EnvFilter::try_new(filter).is_err() {
                w.fault(
                    "filter",
                    format!("`{filter}` is no log filter"),
                    "e.g. \"info\" or \"info,steamward::field=debug\"",
                );
            }
            filter.clone_into(&mut log.filter);
        }
        w.finish();
    }
    log
}

struct PlantBuilder<'a> {
    texts: &'a ProfileTexts,
    profiles: HashMap<String, Profile>,
    faults: &'a RefCell<Vec<Fault>>,
    modbus: Vec<ModbusDefaults>,
    mqtt: Vec<MqttSource>,
    expected: HashMap<String, Duration>,
    /// Ids of all sources that stand in the files, good or not.
    declared: Vec<String>,
    equipment: Vec<Equipment>,
    points: Vec<Point>,
    devices: Vec<Device>,
}

impl PlantBuilder<'_> {
    fn profile(&mut self, w: &Walk<'_>) -> Option<Profile> {
        let name = w.need("profile", "\"s7-1200-gas-boiler\"")?;
        if let Some(profile) = self.profiles.get(name) {
            return Some(profile.clone());
        }
        let Some((file, text)) = self.texts.get(name) else {
            let known = nearest(name, self.texts.keys().map(String::as_str));
            w.fault(
                "profile",
                format!("there is no profile `{name}`"),
                format!("{known} Profiles are files in profiles/"),
            );
            return None;
        };
        let profile = parse(file, text, &mut self.faults.borrow_mut());
        self.profiles.insert(name.to_owned(), profile.clone());
        Some(profile)
    }

    fn equipment(&mut self, name: &str, w: &Walk<'_>) {
        let ix = EquipmentIx(self.equipment.len() as u32);
        let id = id(w, name);
        let (zh, en) = (w.text("name"), w.text("name_en"));
        let mut kind = w.text("kind").map(str::to_owned);
        let text = |key| w.text(key).map(str::to_owned);
        let (model, registration, officer) = (text("model"), text("registration"), text("officer"));
        let mut own_points: Vec<PointIx> = Vec::new();
        // Without its profile nothing can be said about points and kind: one fault is enough.
        let mut known = true;
        let several = w.list("device");
        if several.is_empty() {
            let profile = self.profile(w);
            known &= profile.is_some();
            let profile = profile.unwrap_or_default();
            kind = kind.or_else(|| profile.kind.clone());
            self.device(ix, name, w, &profile, &mut own_points);
        } else {
            for d in &several {
                let profile = self.profile(d);
                known &= profile.is_some();
                let profile = profile.unwrap_or_default();
                kind = kind.or_else(|| profile.kind.clone());
                self.device(ix, name, d, &profile, &mut own_points);
                d.finish();
            }
        }
        if let Some(overrides) = w.table("limits").filter(|_| known) {
            self.overrides(&overrides, &own_points);
        }
        for point in &own_points {
            self.complete(*point, w);
        }
        let kind = match kind.as_deref().map(Id::new) {
            Some(Ok(kind)) => Some(kind),
            Some(Err(e)) => {
                w.fault("kind", e.to_string(), "e.g. steam-boiler");
                None
            }
            None if !known => None,
            None => {
                w.fault("kind", "missing", "write kind = \"steam-boiler\" here or in the profile");
                None
            }
        };
        w.finish();
        // A stand-in keeps the indexes valid; with a fault noted nothing of it is ever used.
        let fallback = || Id::new("unnamed").expect("a valid id");
        self.equipment.push(Equipment {
            name: Name::new(zh, en, name),
            id: id.unwrap_or_else(fallback),
            kind: kind.unwrap_or_else(fallback),
            model,
            registration,
            officer,
            points: own_points,
        });
    }

    fn device(
        &mut self,
        ix: EquipmentIx,
        owner: &str,
        w: &Walk<'_>,
        profile: &Profile,
        own: &mut Vec<PointIx>,
    ) {
        let Some(source) = w.need("source", "\"plc-1\"") else {
            for key in ["unit", "period", "topic"] {
                w.mark(key);
            }
            return;
        };
        let modbus = self.modbus.iter().position(|m| m.source.id.as_str() == source);
        let mqtt = self.mqtt.iter().position(|m| m.id.as_str() == source);
        let declared = self.declared.iter().any(|d| d == source);
        if modbus.is_none() && mqtt.is_none() && !declared {
            let known = self
                .modbus
                .iter()
                .map(|m| m.source.id.as_str())
                .chain(self.mqtt.iter().map(|m| m.id.as_str()));
            w.fault("source", format!("there is no source `{source}`"), nearest(source, known));
        }
        let unit = w.whole("unit", 0, 255);
        let topic = w.text("topic");
        w.mark("period");
        let period = w.has("period").then(|| poll_period(w, SHORTEST_PERIOD));
        if modbus.is_some() && topic.is_some() {
            w.fault("topic", "this source is a Modbus endpoint, which has no topics", "remove the key");
        }
        if mqtt.is_some() && (unit.is_some() || period.is_some()) {
            let key = if unit.is_some() { "unit" } else { "period" };
            w.fault(key, "this source is an MQTT broker, which is not polled", "remove the key");
        }
        if let Some(problem) = topic.and_then(filter_fault) {
            w.fault(
                "topic",
                problem,
                "levels parted by `/`; `+` stands for one whole level, `#` for the rest",
            );
        }
        let device = DeviceIx(self.devices.len() as u32);
        let first = self.points.len();
        for p in &profile.points {
            if own.iter().any(|o| self.points[o.0 as usize].id == p.id) {
                w.fault(
                    "profile",
                    format!("the point `{}` is already there from another device", p.id),
                    "point ids are unique within one piece of equipment",
                );
                continue;
            }
            own.push(PointIx(self.points.len() as u32));
            self.points.push(Point {
                id: p.id.clone(),
                name: p.name.clone(),
                equipment: ix,
                device,
                unit: p.unit.clone(),
                range: p.range,
                value_type: p.value_type,
                decimals: p.decimals,
                limits: Vec::new(),
                no_data: None,
            });
            // A limit of the profile without a setpoint was called a fault when the profile was read.
            let _ = apply(self.points.last_mut().expect("just pushed"), &p.limits);
        }
        let new: Vec<(PointIx, &ProfilePoint)> = (first..self.points.len())
            .filter_map(|n| {
                let id = &self.points[n].id;
                profile.points.iter().find(|p| p.id == *id).map(|p| (PointIx(n as u32), p))
            })
            .collect();
        let mut label =
            format!("{source}/{}", unit.map_or_else(|| topic.unwrap_or(owner).to_owned(), |u| u.to_string()));
        if self.devices.iter().any(|d| d.label == label) {
            label = format!("{label}/{owner}");
        }
        let mut stale_after = Duration::from_secs(30);
        if let Some(m) = modbus {
            if unit.is_none() && !w.has("unit") {
                w.fault("unit", "missing", "write the Modbus unit id (station number): unit = 1");
            }
            let defaults = &mut self.modbus[m];
            let period = period.filter(|p| !p.is_zero()).unwrap_or(defaults.period);
            stale_after = (period * 3).max(Duration::from_secs(3));
            let mut points = Vec::new();
            for (point, p) in &new {
                let Some((table, address, format, order)) = p.register else {
                    self.faults.borrow_mut().push(Fault {
                        place: p.place.clone(),
                        key: format!("point.{}.address", p.id),
                        problem: "missing, and the profile is used on a Modbus source".to_owned(),
                        remedy: "write address = 40001".to_owned(),
                    });
                    continue;
                };
                points.push(ModbusPoint {
                    point: *point,
                    table,
                    address,
                    format,
                    order,
                    scale: p.scale,
                    offset: p.offset,
                    invert: p.invert,
                    sentinels: p.sentinels.clone(),
                    origin: p.origin.clone(),
                });
            }
            defaults.source.devices.push(ModbusDevice {
                device,
                unit: unit.unwrap_or(1) as u8,
                period,
                max_registers: defaults.max_registers,
                max_gap: defaults.max_gap,
                points,
            });
        } else if let Some(m) = mqtt {
            stale_after = self.expected.get(source).copied().unwrap_or(Duration::from_secs(10)) * 3;
            let mut by_topic: Vec<(String, Vec<MqttPoint>)> = Vec::new();
            for (point, p) in &new {
                let Some(topic) = p.topic.as_deref().or(topic) else {
                    w.fault("topic", "missing", "write topic = \"plant/boiler-1/data\" here, or a topic on every point of the profile");
                    break;
                };
                for (key, pointer) in [("pointer", &p.pointer), ("quality", &p.quality)] {
                    if pointer.as_deref().is_some_and(|p| !p.is_empty() && !p.starts_with('/')) {
                        self.faults.borrow_mut().push(Fault {
                            place: p.place.clone(),
                            key: format!("point.{}.{key}", p.id),
                            problem: "no JSON pointer".to_owned(),
                            remedy: format!("it begins with a slash: {key} = \"/data/pressure\""),
                        });
                    }
                }
                if p.pointer.is_none() && p.register.is_some() {
                    self.faults.borrow_mut().push(Fault {
                        place: p.place.clone(),
                        key: format!("point.{}.pointer", p.id),
                        problem: "missing: a register list is used on an MQTT source".to_owned(),
                        remedy: "write pointer = \"/data/pressure\", or choose a Modbus source".to_owned(),
                    });
                }
                let one = MqttPoint {
                    point: *point,
                    pointer: p.pointer.clone().unwrap_or_default(),
                    quality: p.quality.clone(),
                    scale: p.scale,
                    offset: p.offset,
                    invert: p.invert,
                };
                match by_topic.iter_mut().find(|t| t.0 == topic) {
                    Some(found) => found.1.push(one),
                    None => by_topic.push((topic.to_owned(), vec![one])),
                }
            }
            for (topic, points) in by_topic {
                self.mqtt[m].mappings.push(MqttMapping { device, topic, time: profile.time.clone(), points });
            }
        }
        let Ok(source) = Id::new(source) else { return };
        self.devices.push(Device {
            label,
            equipment: ix,
            source,
            points: new.iter().map(|n| n.0).collect(),
            stale_after,
        });
    }

    fn overrides(&mut self, w: &Walk<'_>, own: &[PointIx]) {
        for (name, l) in w.named() {
            let settings = limits(&l, true);
            match own.iter().find(|o| self.points[o.0 as usize].id.as_str() == name) {
                Some(point) => {
                    for kind in apply(&mut self.points[point.0 as usize], &settings) {
                        l.fault(
                            &format!("{}.at", kind.key()),
                            "missing, and the profile has no such limit to take it from",
                            "write the setpoint in the point's unit: at = -75",
                        );
                    }
                }
                None => {
                    let known = nearest(name, own.iter().map(|o| self.points[o.0 as usize].id.as_str()));
                    w.fault(name, format!("there is no point `{name}`"), known);
                }
            }
        }
    }

    /// Order of the limits, and the no-data alarm of every point that has some.
    fn complete(&mut self, ix: PointIx, w: &Walk<'_>) {
        let device = self.points[ix.0 as usize].device;
        let stale = self.devices.get(device.0 as usize).map_or(Duration::from_secs(10), |d| d.stale_after);
        let point = &mut self.points[ix.0 as usize];
        point.limits.sort_by_key(|l| l.kind);
        if !point.limits.is_empty() && point.no_data.is_none() {
            point.no_data = Some(NoData { after: BY_DEVICE, priority: Priority::Medium });
        }
        match point.no_data.as_mut() {
            Some(no_data) if no_data.after == NO_ALARM => point.no_data = None,
            Some(no_data) if no_data.after == BY_DEVICE => no_data.after = stale.max(Duration::from_secs(10)),
            _ => {}
        }
        let mut ladder: Vec<(&str, f64)> = Vec::new();
        if let Some((low, _)) = point.range {
            ladder.push(("range low", low));
        }
        ladder
            .extend(point.limits.iter().filter(|l| l.kind != LimitKind::State).map(|l| (l.kind.key(), l.at)));
        if let Some((_, high)) = point.range {
            ladder.push(("range high", high));
        }
        for pair in ladder.windows(2) {
            let edge = pair[0].0 == "range low" || pair[1].0 == "range high";
            if pair[0].1 > pair[1].1 || (!edge && pair[0].1 >= pair[1].1) {
                w.fault(
                    &format!("limits.{}", point.id),
                    format!("{} = {} is not below {} = {}", pair[0].0, pair[0].1, pair[1].0, pair[1].1),
                    "the order is range low <= ll < l < h < hh <= range high",
                );
            }
        }
        for limit in &point.limits {
            let Some((low, high)) = point.range else { continue };
            let clears = match limit.kind {
                LimitKind::H | LimitKind::HH => limit.at - limit.deadband >= low,
                LimitKind::L | LimitKind::LL => limit.at + limit.deadband <= high,
                LimitKind::State | LimitKind::NoData => true,
            };
            if !clears {
                w.fault(
                    &format!("limits.{}.{}.deadband", point.id, limit.kind.key()),
                    format!(
                        "with a deadband of {} the alarm could never clear within the range",
                        limit.deadband
                    ),
                    "make the deadband smaller",
                );
            }
        }
    }
}

/// Puts `settings` over the point's limits; gives the kinds that have no setpoint from anywhere.
fn apply(point: &mut Point, settings: &[LimitSetting]) -> Vec<LimitKind> {
    let mut without = Vec::new();
    for setting in settings {
        let kind = setting.kind();
        let base = point.limits.iter().position(|l| l.kind == kind).map(|n| point.limits.remove(n));
        match setting {
            LimitSetting::Limit(kind, keys) => match keys.over(*kind, base.as_ref()) {
                Some(limit) => point.limits.push(limit),
                None => without.push(*kind),
            },
            LimitSetting::NoData { after, priority } => {
                let base = point.no_data.take().filter(|b| b.after != NO_ALARM);
                point.no_data = Some(NoData {
                    after: after.or(base.as_ref().map(|b| b.after)).unwrap_or(BY_DEVICE),
                    priority: priority.or(base.map(|b| b.priority)).unwrap_or(Priority::Medium),
                });
            }
            LimitSetting::Off(LimitKind::NoData) => {
                point.no_data = Some(NoData { after: NO_ALARM, priority: Priority::Low });
            }
            LimitSetting::Off(_) => {}
        }
    }
    without
}
