//! pysparkplug: an independent Sparkplug B edge node with one device.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use super::{Process, root};

pub struct EdgeNode {
    process: Process,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl EdgeNode {
    /// Connects and gives birth; `more` are arguments of the script.
    pub fn start(port: u16, more: &[&str]) -> Self {
        let mut child = Command::new(root().join(".venv/bin/python"))
            .arg(root().join("tests/peers/sparkplug_node.py"))
            .args(["127.0.0.1", &port.to_string()])
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python with pysparkplug: run tests/tools.sh");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut node = Self { process: Process(child), input, output };
        assert_eq!(node.line(), "ready");
        node
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        line.trim().to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.input, "{command}").expect("the node reads");
        self.line()
    }

    /// Sends a command (see the script's head) and waits until it is done.
    pub fn tell(&mut self, command: &str) {
        let answer = self.ask(command);
        assert_eq!(answer, "done", "{command}");
    }

    /// How many rebirths it was asked for.
    pub fn rebirths(&mut self) -> u32 {
        let answer = self.ask("rebirth?");
        answer.strip_prefix("rebirths ").and_then(|n| n.parse().ok()).expect("a number")
    }

    /// Ends without a word; the broker publishes its will.
    pub fn vanish(mut self) {
        let _ = self.process.0.kill();
    }
}
