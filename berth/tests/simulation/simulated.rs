//! The tests.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_core::policy::Action;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::faults::Lie;
use crate::run::{Failed, furnish, run};
use crate::verbs::{NOT_SIMULATED, VERBS, changes};
use crate::world::World;
use crate::{check, converge, every_step, script};

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

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
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
    let first = number("BERTH_SIM_FROM").unwrap_or(0);
    let (next, failures) = (AtomicU64::new(first), Mutex::new(Vec::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs
                        || failures.lock().unwrap_or_else(PoisonError::into_inner).len() >= SHOWN
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
    println!("{runs} seeded runs in {:.0} s", start.elapsed().as_secs_f64());
}

fn shown(failed: &Failed) -> String {
    format!("BERTH_SIM_SEED={}\n    {}\n  {}", failed.seed, failed.steps.join("\n    "), failed.wrong)
}

/// Another program, such as a second `berth`, has the write lock for a while.
#[test]
fn a_locked_database_is_waited_for() {
    let runtime = runtime();
    let mut world = World::new(&runtime, 0);
    furnish(&world, &mut Dice::new(0));
    let order = (VERBS[0].make)(&mut Dice::new(1), &world.facts).unwrap();
    let before = world.facts.clone();
    let other = runtime.block_on(world.another_process());
    let held = runtime.block_on(other.begin()).unwrap();
    let release = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        runtime_of_its_own(async move { held.rollback().await.unwrap() });
    });
    world.ask(order, None);
    world.finish().unwrap();
    release.join().unwrap();
    assert_ne!(world.facts, before, "{:?}", world.steps.borrow());
    runtime.block_on(other.close());
    converge::converge(&mut world).unwrap();
    check::check(&world).unwrap();
}

fn runtime_of_its_own(work: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let once = run(&runtime(), seed).unwrap_or_else(|failed| panic!("{}", shown(&failed)));
        let again = run(&runtime(), seed).unwrap_or_else(|failed| panic!("{}", shown(&failed)));
        assert_eq!(once, again, "seed {seed}");
    }
}

/// Of so many places where a verb can be struck, one is tried.
const STRIDE: usize = if cfg!(debug_assertions) { 9 } else { 1 };

#[test]
fn every_verb_survives_a_strike_at_every_step() {
    let image = every_step::image(&runtime());
    let (next, failures, blows) = (AtomicUsize::new(0), Mutex::new(Vec::new()), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                let runtime = runtime();
                while let Some(verb) = VERBS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match every_step::strike(&runtime, &image, verb, STRIDE) {
                        Ok(count) => drop(blows.fetch_add(count, Ordering::Relaxed)),
                        Err(wrong) => failures.lock().unwrap_or_else(PoisonError::into_inner).push(wrong),
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let (count, time) = (blows.into_inner(), start.elapsed().as_secs_f64());
    println!("{} verbs survived {count} strikes, in {time:.0} s", VERBS.len());
}

#[test]
fn every_action_that_changes_something_is_simulated() {
    for action in Action::ALL.iter().filter(|action| changes(**action)) {
        let simulated = VERBS.iter().any(|verb| verb.action == *action);
        let known = NOT_SIMULATED.contains(action);
        assert!(simulated != known, "{} is either in VERBS or in NOT_SIMULATED", action.as_str());
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
    ("set_quota", ""),
    ("replace", "packet filter"),
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
