//! The bytes' way to a device: a TCP stream or a serial port behind one face. Used by `link` only.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_serial::{SerialPort as _, SerialPortBuilderExt, SerialStream};

use crate::settings::{Parity, Rts, SerialPort};

/// A device that was switched off without a goodbye is noticed by the system after about this long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Room made for what may come in one read; the longest frame is 260 bytes.
const ROOM: usize = 1024;

/// An open connection.
pub(super) enum Wire {
    Tcp(TcpStream),
    Serial(Box<(SerialStream, SerialPort)>),
}

impl Wire {
    /// Connects to `host`, at most for `limit`.
    pub(super) async fn tcp(host: &str, port: u16, limit: Duration) -> io::Result<Self> {
        match tokio::time::timeout(limit, TcpStream::connect((host, port))).await {
            Ok(stream) => Ok(Self::of_stream(stream?)),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"))),
        }
    }

    /// Takes a stream that somebody else opened.
    pub(super) fn of_stream(stream: TcpStream) -> Self {
        // Without it small requests wait for the other side's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 3);
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive);
        Self::Tcp(stream)
    }

    /// Opens a serial port for ourselves alone.
    pub(super) fn serial(port: &SerialPort) -> io::Result<Self> {
        let named = |e: tokio_serial::Error| {
            // What the system says of a file that is none.
            let why = e.to_string().replace("Not a typewriter", "no serial port");
            io::Error::other(format!("{}: {why}", port.path))
        };
        let mut stream = tokio_serial::new(&port.path, port.baud)
            .data_bits(if port.data_bits == 7 {
                tokio_serial::DataBits::Seven
            } else {
                tokio_serial::DataBits::Eight
            })
            .parity(match port.parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            })
            .stop_bits(if port.stop_bits == 2 {
                tokio_serial::StopBits::Two
            } else {
                tokio_serial::StopBits::One
            })
            .open_native_async()
            .map_err(named)?;
        stream.set_exclusive(true).map_err(named)?;
        if let Some(rts) = port.rts {
            stream.write_request_to_send(!rts.send_high).map_err(named)?;
        }
        Ok(Self::Serial(Box::new((stream, port.clone()))))
    }

    /// Appends what comes to `buffer`; 0 means that the other side has closed.
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.reserve(ROOM);
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Serial(serial) => serial.0.read_buf(buffer).await,
        }
    }

    /// Appends what is there already, without waiting; `Some(0)` means closed, `None` nothing there.
    pub(super) fn read_ready(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut bytes = [0u8; ROOM];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut bytes),
            Self::Serial(serial) => serial.0.try_read(&mut bytes),
        };
        match read {
            Ok(n) => {
                buffer.extend_from_slice(&bytes[..n]);
                Ok(Some(n))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Sends all of `bytes`; on a serial line with RTS control also waits until they have left.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Serial(serial) => {
                let (stream, port) = serial.as_mut();
                let Some(Rts { send_high, before, after }) = port.rts else {
                    return stream.write_all(bytes).await;
                };
                stream.write_request_to_send(send_high)?;
                tokio::time::sleep(before).await;
                stream.write_all(bytes).await?;
                // The driver buffers: the time on the line is known, its end is not told.
                tokio::time::sleep(port.wire_time(bytes.len()) + after).await;
                stream.write_request_to_send(!send_high)?;
                Ok(())
            }
        }
    }
}
