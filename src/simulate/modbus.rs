//! The demo's Modbus TCP server: unit 1 is the boiler's PLC, unit 2 a recorder. Read-only, and as
//! strict as real ones: a register that does not exist is exception 2, another unit stays silent.

use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio_modbus::prelude::{ExceptionCode, Request, Response, SlaveRequest};
use tokio_modbus::server::Service;
use tokio_modbus::server::tcp::{Server, accept_tcp_connection};

use super::house::House;

#[derive(Clone)]
struct Units(Arc<Mutex<House>>);

impl Service for Units {
    type Request = SlaveRequest<'static>;
    type Response = Option<Response>;
    type Exception = ExceptionCode;
    type Future = Ready<Result<Option<Response>, ExceptionCode>>;

    fn call(&self, asked: Self::Request) -> Self::Future {
        let house = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready(match (asked.slave, asked.request) {
            (1, Request::ReadHoldingRegisters(from, count)) => {
                part(&house.plc(clock()), from, count).map(|w| Some(Response::ReadHoldingRegisters(w)))
            }
            (2, Request::ReadInputRegisters(from, count)) => {
                part(&house.recorder(), from, count).map(|w| Some(Response::ReadInputRegisters(w)))
            }
            (1 | 2, _) => Err(ExceptionCode::IllegalFunction),
            _ => Ok(None),
        })
    }
}

fn part(registers: &[u16], from: u16, count: u16) -> Result<Vec<u16>, ExceptionCode> {
    let (from, count) = (usize::from(from), usize::from(count));
    registers.get(from..from + count).map(<[u16]>::to_vec).ok_or(ExceptionCode::IllegalDataAddress)
}

fn clock() -> [u16; 6] {
    let now = jiff::Zoned::now();
    [
        now.year(),
        now.month().into(),
        now.day().into(),
        now.hour().into(),
        now.minute().into(),
        now.second().into(),
    ]
    .map(|n| n as u16)
}

/// Serves `house` on a free loopback port.
///
/// # Errors
/// No port can be had.
pub(super) async fn start(house: Arc<Mutex<House>>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let server = Server::new(listener);
        let on_connected =
            async |stream, peer| accept_tcp_connection(stream, peer, |_| Ok(Some(Units(Arc::clone(&house)))));
        // A client that goes away in mid-frame is no event here.
        if let Err(error) = server.serve(&on_connected, |_| ()).await {
            tracing::error!("the demo's Modbus server ended: {error}");
        }
    });
    Ok(address)
}
