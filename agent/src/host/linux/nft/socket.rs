//! A socket to the kernel's netfilter.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::message::{Datagram, messages, of};

/// The kernel answers within the call; whoever waits longer has lost an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A batch of elements and the answers to it.
const BUFFER: usize = 4 * 1024 * 1024;

/// The kernel's answers come in pieces of at most 32 KiB.
const ANSWER_MAX: usize = 256 * 1024;

/// The kernel, address 0.
const KERNEL: SocketAddrNetlink = SocketAddrNetlink::new(0, 0);

/// A request that has been sent, by its number, and how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// By one message.
    One(u32),
    /// By an acknowledgement.
    Acknowledged(u32),
    /// By messages, then by an acknowledgement.
    UntilAcknowledged(u32),
    /// By a list with an end.
    List(u32),
    /// By nothing unless it fails.
    Silent(u32),
}

impl Request {
    const fn sequence(self) -> u32 {
        match self {
            Self::One(sequence)
            | Self::Acknowledged(sequence)
            | Self::UntilAcknowledged(sequence)
            | Self::List(sequence)
            | Self::Silent(sequence) => sequence,
        }
    }
}

/// An open socket.
pub(super) struct Netlink {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Opens one.
    pub(super) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::NETFILTER),
        )?;
        rustix::net::bind(&socket, &KERNEL)?;
        sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
        // Beyond the system's maximum, which takes the right that changing the packet filter takes.
        sockopt::set_socket_send_buffer_size_force(&socket, BUFFER)?;
        sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER)?;
        Ok(Self { socket, buffer: vec![0; ANSWER_MAX] })
    }

    /// Sends requests and gives each answer, by the number of its request, until all are answered.
    pub(super) fn ask(
        &mut self,
        datagram: Datagram,
        requests: &[Request],
        mut answer: impl FnMut(u32, io::Result<&[u8]>) -> io::Result<()>,
    ) -> io::Result<()> {
        let sent = rustix::net::sendto(&self.socket, datagram.bytes(), SendFlags::empty(), &KERNEL)?;
        if sent != datagram.bytes().len() {
            return Err(io::Error::other("the kernel took a part of the message only"));
        }
        drop(datagram);
        let mut pending: Vec<Request> = requests.to_vec();
        while pending.iter().any(|request| !matches!(request, Request::Silent(_))) {
            let (_, length) = match rustix::net::recv(&self.socket, &mut self.buffer, RecvFlags::TRUNC) {
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                received => received?,
            };
            let received =
                self.buffer.get(..length).ok_or_else(|| io::Error::other("an answer is too long"))?;
            for message in messages(received) {
                let Some(place) = pending.iter().position(|request| request.sequence() == message.sequence)
                else {
                    continue;
                };
                let Some(request) = pending.get(place).copied() else { continue };
                if message.flags & of::INTERRUPTED != 0 {
                    return Err(Errno::INTR.into());
                }
                let ended = match message.kind {
                    of::ERROR | of::DONE => {
                        if message.status() < 0 {
                            let error = io::Error::from_raw_os_error(-message.status());
                            answer(message.sequence, Err(error))?;
                        }
                        true
                    }
                    _ => {
                        answer(message.sequence, Ok(message.body()))?;
                        matches!(request, Request::One(_))
                    }
                };
                if ended {
                    pending.swap_remove(place);
                }
            }
        }
        Ok(())
    }
}
