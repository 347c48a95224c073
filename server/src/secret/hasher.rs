use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use berth_core::password::Password;
use berth_core::web_user::{CryptHash, WebUserPassword};
use berth_core::{Code, Parse, Problem};
use tokio::sync::Semaphore;

use crate::random::Randomness;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Cost {
    /// OWASP's recommendation for argon2id with one lane.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Answer to whether a password belongs to a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It does not.
    Wrong,
    /// It does.
    Right,
    /// It does, and the hash should be replaced, since it was made at another cost.
    RightButOld,
}

/// Hashes passwords with argon2id, a few at a time and with a bounded queue, so that neither memory nor
/// waiting time grows with the number of requests.
#[derive(Debug)]
pub struct Hasher {
    argon2: Argon2<'static>,
    running: Arc<Semaphore>,
    present: AtomicUsize,
    most_present: usize,
}

/// Requests that may be present per hash that runs at the same time; the last waits for about as many hashes.
const QUEUE_PER_WORKER: usize = 64;

impl Hasher {
    /// A pool of `workers` hashes at a time.
    ///
    /// # Errors
    /// If argon2 can't work at this cost.
    pub fn new(cost: Cost, workers: NonZeroUsize) -> Result<Self, argon2::Error> {
        let params = Params::new(cost.memory_kib, cost.passes, 1, None)?;
        Ok(Self {
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            running: Arc::new(Semaphore::new(workers.get())),
            present: AtomicUsize::new(0),
            most_present: workers.get().saturating_mul(QUEUE_PER_WORKER),
        })
    }

    /// A pool for this machine: one hash per two processors, so that logins never take the whole machine.
    ///
    /// # Errors
    /// If argon2 can't work at this cost.
    pub fn for_this_machine(cost: Cost) -> Result<Self, argon2::Error> {
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self::new(cost, NonZeroUsize::new(processors.div_ceil(2)).unwrap_or(NonZeroUsize::MIN))
    }

    /// Hashes a password; the parameters and the salt are in the result (PHC string format).
    ///
    /// # Errors
    /// `rate_limited` if the queue is too long, `internal` if hashing fails.
    pub async fn hash(&self, password: &Password, randomness: &dyn Randomness) -> Result<String, Problem> {
        let mut salt = [0; 16];
        randomness.fill(&mut salt);
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.run(move || {
            argon2
                .hash_password_with_salt(password.expose().as_bytes(), &salt)
                .map(|hash: PasswordHash| hash.to_string())
        })
        .await
    }

    /// Hashes the password of a web user as the system keeps it, with SHA-512 (`crypt(5)`).
    ///
    /// # Errors
    /// `rate_limited` if the queue is too long, `internal` if hashing fails.
    pub async fn crypt(
        &self,
        password: &WebUserPassword,
        randomness: &dyn Randomness,
    ) -> Result<CryptHash, Problem> {
        let mut salt = [0; 12];
        randomness.fill(&mut salt);
        let password = password.clone();
        let text = self
            .run(move || {
                use sha_crypt::PasswordHasher as _;
                let sha = sha_crypt::ShaCrypt::from(sha_crypt::Params::RECOMMENDED);
                sha.hash_password_with_salt(password.expose().as_bytes(), &salt)
                    .map(|hash| hash.as_str().to_owned())
                    .map_err(|_| argon2::password_hash::Error::Crypto)
            })
            .await?;
        CryptHash::parse(&text)
    }

    /// How many requests wait for a hash or have one running.
    pub fn present(&self) -> usize {
        self.present.load(Ordering::Relaxed)
    }

    /// Checks a password against a hash, with the parameters of the hash.
    ///
    /// # Errors
    /// `rate_limited` if the queue is too long, `internal` if the hash can't be read.
    pub async fn verify(&self, password: &Password, hash: &str) -> Result<Verdict, Problem> {
        let (argon2, password, hash) = (self.argon2.clone(), password.clone(), hash.to_owned());
        self.run(move || {
            let hash = PasswordHash::new(&hash)?;
            match argon2.verify_password(password.expose().as_bytes(), &hash) {
                Ok(()) => {
                    let current = Params::try_from(&hash).is_ok_and(|params| {
                        params.m_cost() == argon2.params().m_cost()
                            && params.t_cost() == argon2.params().t_cost()
                            && params.p_cost() == argon2.params().p_cost()
                    });
                    Ok(if current { Verdict::Right } else { Verdict::RightButOld })
                }
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
                Err(other) => Err(other),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> argon2::password_hash::Result<T> + Send + 'static,
    ) -> Result<T, Problem> {
        let _present = Present::enter(&self.present, self.most_present)?;
        let failed = |why: String| {
            tracing::error!(error = why, "a password could not be hashed");
            Problem::new(Code::Internal, "the password could not be processed")
        };
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|e| failed(e.to_string()))?;
        tokio::task::spawn_blocking(move || {
            // The permit lives as long as the work, also if the request has gone away meanwhile.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|e| failed(e.to_string()))?
        .map_err(|e| failed(e.to_string()))
    }
}

/// A place in the queue; given back when dropped, also by a cancelled request.
struct Present<'a>(&'a AtomicUsize);

impl<'a> Present<'a> {
    fn enter(count: &'a AtomicUsize, most: usize) -> Result<Self, Problem> {
        let before = count.fetch_add(1, Ordering::Relaxed);
        let place = Self(count);
        if before >= most {
            return Err(Problem::new(Code::RateLimited, "too many passwords wait to be processed")
                .hint("try again in a few seconds"));
        }
        Ok(place)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;

    use super::*;
    use crate::random::SystemRandomness;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn the_parameters_are_in_the_hash_and_an_old_cost_shows() {
        let randomness = SystemRandomness::from_seed([7; 32]);
        let cheap = Hasher::new(CHEAP, NonZeroUsize::MIN).unwrap();
        let hash = cheap.hash(&password("violet anchor"), &randomness).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, cheap.hash(&password("violet anchor"), &randomness).await.unwrap(), "salted");
        assert_eq!(cheap.verify(&password("violet anchor"), &hash).await.unwrap(), Verdict::Right);
        assert_eq!(cheap.verify(&password("violet anchos"), &hash).await.unwrap(), Verdict::Wrong);
        let dear = Hasher::new(Cost { memory_kib: 128, passes: 1 }, NonZeroUsize::MIN).unwrap();
        assert_eq!(dear.verify(&password("violet anchor"), &hash).await.unwrap(), Verdict::RightButOld);
        assert_eq!(dear.verify(&password("x"), "nonsense").await.unwrap_err().code, Code::Internal);
    }

    #[tokio::test]
    async fn a_queue_that_is_too_long_is_refused_and_drains() {
        let hasher = Hasher { most_present: 2, ..Hasher::new(CHEAP, NonZeroUsize::MIN).unwrap() };
        let randomness = SystemRandomness::from_seed([7; 32]);
        let secret = password("violet anchor");
        let held = Arc::clone(&hasher.running).acquire_owned().await.unwrap();
        let work = async {
            tokio::join!(hasher.hash(&secret, &randomness), hasher.hash(&secret, &randomness), async {
                let third = hasher.hash(&secret, &randomness).await;
                drop(held);
                third
            })
        };
        let (first, second, third) = work.await;
        assert_eq!(third.unwrap_err().code, Code::RateLimited);
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(hasher.present.load(Ordering::Relaxed), 0);
    }
}
