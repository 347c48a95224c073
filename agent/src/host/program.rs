//! The programs that the agent may run, all of them.

/// A program with its arguments. There is no way to name another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Checks the candidate of nginx's configuration.
    NginxTest,
    /// Loads a table of the packet filter, which it reads.
    NftLoad,
    /// Checks the SSH server's configuration.
    SshdTest,
}

impl Program {
    /// Path and arguments.
    pub const fn argv(self) -> &'static [&'static str] {
        match self {
            Self::NginxTest => &["/usr/sbin/nginx", "-t", "-q", "-c", crate::nginx::CANDIDATE_MAIN],
            Self::NftLoad => &["/usr/sbin/nft", "--file", "-"],
            Self::SshdTest => &["/usr/sbin/sshd", "-t"],
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it ended with status 0.
    pub success: bool,
    /// What it wrote to standard error, shortened.
    pub said: String,
}
