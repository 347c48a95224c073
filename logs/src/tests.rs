use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Settings, Splitter};

struct World {
    dir: tempfile::TempDir,
    settings: Settings,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["tree", "alice", "bob"] {
            fs::create_dir(at(name)).unwrap();
        }
        symlink(at("alice"), at("tree/alicesite.com")).unwrap();
        symlink(at("alice"), at("tree/www.alicesite.com")).unwrap();
        symlink(at("bob"), at("tree/bobsite.com")).unwrap();
        let settings = Settings {
            access: at("access.log"),
            error: at("error.log"),
            tree: at("tree"),
            state: at("position.json"),
        };
        fs::File::create(&settings.access).unwrap();
        fs::File::create(&settings.error).unwrap();
        Self { dir, settings }
    }

    fn open(&self) -> Splitter {
        Splitter::open(&self.settings).unwrap()
    }

    fn log(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
        text.lines().filter_map(|line| Some(line.split('"').nth(1)?.to_owned())).collect()
    }
}

fn request(host: &str, uri: &str) -> String {
    let line = serde_json::json!({
        "time": "2026-11-23T18:00:00+00:00", "host": host, "remote": "192.0.2.7", "method": "GET", "uri": uri,
        "protocol": "HTTP/1.1", "status": 200, "bytes": 1, "referer": "", "agent": "",
    });
    format!("{line}\n")
}

fn add(path: &Path, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn drain(splitter: &mut Splitter) {
    // A renamed log is looked at several times before it counts as complete.
    for _ in 0..30 {
        splitter.step().unwrap();
    }
}

#[test]
fn each_site_gets_its_lines_and_only_those() {
    let world = World::new();
    let mut splitter = world.open();
    let text =
        [request("alicesite.com", "/1"), request("bobsite.com", "/2"), request("nobody.com", "/3")].concat();
    add(&world.settings.access, &text);
    add(&world.settings.access, &request("www.alicesite.com", "/4"));
    add(
        &world.settings.error,
        "2026/11/23 18:00:00 [error] 7#7: *3 forbidden, client: 192.0.2.7, server: _, request: \"GET /x HTTP/1.1\", host: \"bobsite.com\"\n",
    );
    drain(&mut splitter);
    assert_eq!(world.log("alice/access.log"), ["GET /1 HTTP/1.1", "GET /4 HTTP/1.1"]);
    assert_eq!(world.log("bob/access.log"), ["GET /2 HTTP/1.1"]);
    assert_eq!(world.log("bob/error.log"), ["GET /x HTTP/1.1"]);
    assert_eq!(fs::read_dir(world.dir.path().join("alice")).unwrap().count(), 1);
}

#[test]
fn a_restart_loses_and_repeats_nothing() {
    let world = World::new();
    let mut first = world.open();
    let two = request("alicesite.com", "/2");
    let (half, rest) = two.split_at(20);
    add(&world.settings.access, &format!("{}{half}", request("alicesite.com", "/1")));
    drain(&mut first);
    drop(first);
    add(&world.settings.access, rest);
    add(&world.settings.access, &request("alicesite.com", "/3"));
    drain(&mut world.open());
    assert_eq!(world.log("alice/access.log"), ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /3 HTTP/1.1"]);
}

#[test]
fn a_log_is_followed_when_it_is_renamed_also_across_a_restart() {
    let world = World::new();
    let mut first = world.open();
    add(&world.settings.access, &request("alicesite.com", "/1"));
    drain(&mut first);
    drop(first);
    let old = world.dir.path().join("access.log.1");
    fs::rename(&world.settings.access, &old).unwrap();
    add(&old, &request("alicesite.com", "/2"));
    add(&world.settings.access, &request("alicesite.com", "/3"));
    let mut second = world.open();
    splitter_until(&mut second, &world, 2);
    add(&old, &request("alicesite.com", "/late"));
    drain(&mut second);
    let expected = ["GET /1 HTTP/1.1", "GET /2 HTTP/1.1", "GET /late HTTP/1.1", "GET /3 HTTP/1.1"];
    assert_eq!(world.log("alice/access.log"), expected);
}

fn splitter_until(splitter: &mut Splitter, world: &World, lines: usize) {
    while world.log("alice/access.log").len() < lines {
        splitter.step().unwrap();
    }
}

#[test]
fn a_log_does_not_grow_without_end() {
    let world = World::new();
    let mut splitter = world.open();
    let line = request("alicesite.com", &format!("/{}", "x".repeat(8_000)));
    for _ in 0..12 {
        add(&world.settings.access, &line.repeat(100));
        drain(&mut splitter);
    }
    let size = |name: &str| fs::metadata(world.dir.path().join(name)).unwrap().len();
    let limit = berth_core::log::LOG_BYTES_MAX;
    assert!(size("alice/access.log") <= limit && size("alice/access.log.1") <= limit);
    assert!(size("alice/access.log.1") > limit / 2);
}

#[test]
fn what_is_planted_in_the_way_is_not_followed_and_holds_up_nobody() {
    let world = World::new();
    let secret = world.dir.path().join("secret");
    add(&secret, "secret");
    symlink(&secret, world.dir.path().join("alice/access.log")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        world.dir.path().join("alice/error.log"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let mut splitter = world.open();
    add(&world.settings.access, &[request("alicesite.com", "/1"), request("bobsite.com", "/2")].concat());
    add(
        &world.settings.error,
        "2026/11/23 18:00:00 [error] 7#7: *3 x, client: 192.0.2.7, server: _, host: \"alicesite.com\"\n",
    );
    drain(&mut splitter);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(world.log("bob/access.log"), ["GET /2 HTTP/1.1"]);
}
