//! The tests.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use berth_core::policy::Action;
use tokio::runtime::Runtime;

use crate::faults::Lie;
use crate::run::{Failed, run};
use crate::script;
use crate::verbs::{VERBS, changes};

/// Runs by default. Without optimisation a run takes several times as long.
const RUNS: u64 = if cfg!(debug_assertions) { 500 } else { 10_000 };

/// Failed runs that are shown.
const SHOWN: usize = 3;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

fn runtime() -> Rc<Runtime> {
    Rc::new(tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap())
}

#[test]
fn whatever_happens_everything_converges() {
    if let Some(seed) = number("BERTH_SIM_SEED") {
        if let Err(failed) = run(&runtime(), seed) {
            panic!("{}", shown(&failed));
        }
        return;
    }
    let runs = number("BERTH_SIM_RUNS").unwrap_or(RUNS);
    let (next, failures) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    let start = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= runs || failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= SHOWN
                    {
                        return;
                    }
                    if let Err(failed) = run(&runtime, seed) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let texts: Vec<String> = failures.iter().map(shown).collect();
    assert!(texts.is_empty(), "{}", texts.join("\n\n"));
    println!("{runs} seeded runs in {:.0} s on {threads} threads", start.elapsed().as_secs_f64());
}

fn shown(failed: &Failed) -> String {
    format!("BERTH_SIM_SEED={}\n    {}\n  {}", failed.seed, failed.steps.join("\n    "), failed.wrong)
}

#[test]
fn every_action_that_changes_something_is_simulated() {
    for action in Action::ALL.iter().filter(|action| changes(**action)) {
        assert!(VERBS.iter().any(|verb| verb.action == *action), "{} has no entry in VERBS", action.as_str());
    }
}

/// Parts of the host that lie: they answer as if they had done something, and have not.
const LIES: &[Lie] = &[
    ("replace_account_file", "/etc/gshadow"),
    ("replace_account_file", "/etc/passwd"),
    ("replace_file", "/etc/berth/keys/"),
    ("replace_file", "/etc/berth/php/"),
    ("replace_file", "/etc/berth/nginx/sites/"),
    ("replace_file", "/var/lib/berth/tls/"),
    ("replace_link", "/var/lib/berth/www/"),
    ("replace_link", "/run/berth/php/"),
    ("make_dir", "/private"),
    ("remove_file", "/etc/berth/keys/"),
    ("remove_file", "/etc/berth/nginx/sites/"),
    ("remove_file", "/etc/berth/php/"),
    ("remove_file", "/run/berth/fpm/"),
    ("remove_file", "/run/berth/php/"),
    ("remove_file", "/var/lib/berth/www/"),
    ("set_linger", ""),
];

#[test]
fn a_host_that_does_not_do_what_it_says_is_noticed() {
    let runtime = runtime();
    if let Err(wrong) = script::everything(&runtime, None) {
        panic!("an honest host: {wrong}");
    }
    for lie in LIES {
        assert!(
            script::everything(&runtime, Some(*lie)).is_err(),
            "nobody has noticed that {lie:?} does nothing"
        );
    }
}
