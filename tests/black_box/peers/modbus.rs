//! pymodbus: an independent Modbus server.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use super::{Process, root};

pub struct ModbusServer {
    pub port: u16,
    _process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl ModbusServer {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With other options than Modbus TCP for all units (see the script's head); on a serial line the port
    /// is 0.
    pub fn start_with(options: &[&str]) -> Self {
        let mut child = Command::new(root().join(".venv/bin/python"))
            .arg(root().join("tests/peers/modbus_server.py"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python with pymodbus: run tests/tools.sh");
        let input = child.stdin.take().expect("piped");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let place = line.trim().rsplit(' ').next().unwrap_or_default();
        let port = if line.starts_with("listening") {
            place.parse().expect("listening PORT")
        } else {
            assert!(line.starts_with("serving") || line.starts_with("dialling"), "{line}");
            0
        };
        Self { port, _process: Process(child), input, output }
    }

    /// Sends a command (see the script's head) and waits until it is done.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.input, "{command}").expect("the server reads");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("an answer");
        assert_eq!(answer.trim(), "done", "{command}");
    }

    /// A big-endian single in two holding registers.
    pub fn set_float(&mut self, address: u16, value: f32) {
        let [a, b, c, d] = value.to_be_bytes().map(u16::from);
        self.tell(&format!("holding {address} {} {}", a << 8 | b, c << 8 | d));
    }
}
