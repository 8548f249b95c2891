//! The bytes' way to a device: a TCP stream, UDP datagrams or a serial port behind one face; Modbus ASCII is put
//! into RTU frames and back on the way. Used by `link` only.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_serial::{SerialPort as _, SerialPortBuilderExt, SerialStream};

use super::{ascii, frame};
use crate::settings::{Parity, Rts, SerialPort};

/// A device that was switched off without a goodbye is noticed by the system after about this long.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// Room made for what may come in one read; the longest frame is 260 bytes.
const ROOM: usize = 1024;

/// Bytes without a frame that are read at one go where nobody waits.
const MOST_NOISE: usize = 64 * 1024;

/// A datagram holds whole frames and nothing else.
fn whole(datagram: &[u8]) -> bool {
    let mut rest = datagram;
    while let Ok(Some(frame)) = frame::tcp(rest) {
        rest = &rest[frame.pdu.end..];
        if rest.is_empty() {
            return true;
        }
    }
    false
}

/// A router or the device said that nobody listens at the port of an earlier datagram: no more than silence.
fn is_nobody(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ConnectionRefused
}

/// An open connection.
pub(super) struct Wire {
    way: Way,
    /// Modbus ASCII: characters of a frame that is not whole yet.
    ascii: Option<Vec<u8>>,
    /// Bytes of datagrams that hold something else than whole frames.
    junk: usize,
}

enum Way {
    Tcp(TcpStream),
    Udp(UdpSocket),
    Serial(Box<(SerialStream, SerialPort)>),
    /// The other end is in the test.
    #[cfg(test)]
    Test(tokio::io::DuplexStream),
}

impl From<Way> for Wire {
    fn from(way: Way) -> Self {
        Self { way, ascii: None, junk: 0 }
    }
}

impl Wire {
    /// Connects to `host`, at most for `limit`.
    pub(super) async fn tcp(host: &str, port: u16, limit: Duration) -> io::Result<Self> {
        match tokio::time::timeout(limit, TcpStream::connect((host, port))).await {
            Ok(stream) => Ok(Self::of_stream(stream?)),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"))),
        }
    }

    /// Datagrams to and from `host` only, whose address is found within `limit`.
    pub(super) async fn udp(host: &str, port: u16, limit: Duration) -> io::Result<Self> {
        let mut why = io::Error::new(io::ErrorKind::NotFound, format!("{host} has no address"));
        let Ok(found) = tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await else {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("no address of {host} within {limit:?}"),
            ));
        };
        for to in found? {
            let any: std::net::IpAddr = match to {
                std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
                std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
            };
            let socket = UdpSocket::bind((any, 0)).await?;
            match socket.connect(to).await {
                Ok(()) => return Ok(Way::Udp(socket).into()),
                Err(e) => why = e,
            }
        }
        Err(why)
    }

    /// A line whose other end is in the test.
    #[cfg(test)]
    pub(super) fn of_test(stream: tokio::io::DuplexStream) -> Self {
        Way::Test(stream).into()
    }

    /// Modbus ASCII instead of RTU, if so.
    pub(super) fn speaking(self, ascii: bool) -> Self {
        Self { ascii: ascii.then(Vec::new), ..self }
    }

    /// Takes a stream that somebody else opened.
    pub(super) fn of_stream(stream: TcpStream) -> Self {
        // Without it small requests wait for the other side's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let keep_alive = socket2::TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE / 3);
        let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive);
        Way::Tcp(stream).into()
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
        Ok(Way::Serial(Box::new((stream, port.clone()))).into())
    }

    /// Bytes of datagrams since the last call that held something else than whole frames.
    pub(super) fn take_junk(&mut self) -> usize {
        std::mem::take(&mut self.junk)
    }

    /// Appends what comes to `buffer`, of datagrams whole frames only; 0 means that the other side has closed.
    pub(super) async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        if let Way::Udp(socket) = &self.way {
            let mut datagram = [0u8; ROOM];
            loop {
                match socket.recv(&mut datagram).await {
                    Ok(n) if whole(&datagram[..n]) => {
                        buffer.extend_from_slice(&datagram[..n]);
                        return Ok(n);
                    }
                    Ok(n) => self.junk += n,
                    Err(e) if is_nobody(&e) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        let Some(heard) = &mut self.ascii else { return self.way.read(buffer).await };
        loop {
            if self.way.read(heard).await? == 0 {
                return Ok(0);
            }
            let frames = ascii::to_rtu(heard, buffer);
            if frames > 0 {
                return Ok(frames);
            }
        }
    }

    /// Appends what is there already, without waiting; `Some(0)` means closed, `None` nothing there.
    pub(super) fn read_ready(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut noise = 0;
        let datagrams = matches!(self.way, Way::Udp(_));
        // Who talks faster than we listen must not keep us here.
        while noise < MOST_NOISE {
            let read = if datagrams {
                let from = buffer.len();
                match self.way.read_ready(buffer) {
                    Ok(Some(n)) if n == 0 || !whole(&buffer[from..]) => {
                        buffer.truncate(from);
                        self.junk += n;
                        noise += n.max(1);
                        continue;
                    }
                    Err(e) if is_nobody(&e) => {
                        noise += 1;
                        continue;
                    }
                    other => other,
                }
            } else if let Some(heard) = &mut self.ascii {
                match self.way.read_ready(heard)? {
                    Some(n) if n > 0 => {
                        noise += n;
                        match ascii::to_rtu(heard, buffer) {
                            0 => continue,
                            frames => Ok(Some(frames)),
                        }
                    }
                    other => Ok(other),
                }
            } else {
                self.way.read_ready(buffer)
            };
            return read;
        }
        Ok(None)
    }

    /// Sends all of `bytes`; on a serial line with RTS control also waits until they have left.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.ascii.is_some() {
            return self.way.write(&ascii::of_rtu(bytes)).await;
        }
        self.way.write(bytes).await
    }
}

impl Way {
    async fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        buffer.reserve(ROOM);
        match self {
            Self::Tcp(stream) => stream.read_buf(buffer).await,
            Self::Udp(socket) => socket.recv_buf(buffer).await,
            Self::Serial(serial) => serial.0.read_buf(buffer).await,
            #[cfg(test)]
            Self::Test(stream) => stream.read_buf(buffer).await,
        }
    }

    fn read_ready(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<usize>> {
        let mut bytes = [0u8; ROOM];
        let read = match self {
            Self::Tcp(stream) => stream.try_read(&mut bytes),
            Self::Udp(socket) => socket.try_recv(&mut bytes),
            Self::Serial(serial) => serial.0.try_read(&mut bytes),
            #[cfg(test)]
            Self::Test(stream) => try_read(stream, &mut bytes),
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

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            #[cfg(test)]
            Self::Test(stream) => stream.write_all(bytes).await,
            Self::Udp(socket) => match socket.send(bytes).await {
                // What is told here is the fate of the datagram before; this one has not been sent.
                Err(e) if is_nobody(&e) => socket.send(bytes).await.map(|_| ()),
                other => other.map(|_| ()),
            },
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

#[cfg(test)]
fn try_read(stream: &mut tokio::io::DuplexStream, bytes: &mut [u8]) -> io::Result<usize> {
    let mut room = tokio::io::ReadBuf::new(bytes);
    let mut now = std::task::Context::from_waker(std::task::Waker::noop());
    match tokio::io::AsyncRead::poll_read(std::pin::Pin::new(stream), &mut now, &mut room) {
        std::task::Poll::Ready(done) => done.map(|()| room.filled().len()),
        std::task::Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Wire, whole};

    /// An answer of one register to transaction `id`.
    fn answer(id: u8) -> [u8; 11] {
        [0, id, 0, 0, 0, 5, 1, 3, 2, 0, 7]
    }

    #[test]
    fn a_datagram_holds_whole_frames_and_nothing_else() {
        let twice = [answer(1), answer(2)].concat();
        assert!(whole(&answer(1)) && whole(&twice));
        for odd in [&[][..], &answer(1)[..10], &twice[..15], &twice[1..], b"hello, world"] {
            assert!(!whole(odd), "{odd:?}");
        }
    }

    #[tokio::test]
    async fn datagrams_that_are_empty_or_cut_off_are_counted_and_never_mixed_into_the_next() {
        let device = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = device.local_addr().unwrap().port();
        let mut wire = Wire::udp("127.0.0.1", port, Duration::from_secs(1)).await.unwrap();
        wire.write(b"who is there").await.unwrap();
        let mut room = [0u8; 64];
        let (_, gateway) = device.recv_from(&mut room).await.unwrap();
        for datagram in [&[][..], &answer(1)[..9], &answer(2)] {
            device.send_to(datagram, gateway).await.unwrap();
        }
        let mut heard = Vec::new();
        assert_eq!(wire.read(&mut heard).await.unwrap(), 11);
        assert_eq!((&heard[..], wire.take_junk()), (&answer(2)[..], 9));
        // A stranger's datagram never comes this far: the socket takes those of the device only.
        let stranger = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        stranger.send_to(&answer(3), gateway).await.unwrap();
        device.send_to(&answer(4), gateway).await.unwrap();
        heard.clear();
        wire.read(&mut heard).await.unwrap();
        assert_eq!(heard, answer(4));
        // Nobody is there any more: silence, and the next request is sent all the same.
        drop(device);
        wire.write(&answer(5)).await.unwrap();
        wire.write(&answer(5)).await.unwrap();
        assert_eq!(wire.read_ready(&mut heard).unwrap(), None);
    }
}
