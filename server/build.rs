//! Makes what the panel's pages load: installs the libraries that `assets/package-lock.json` names, bundles
//! them with our own sources, and writes a table of the results for `panel::assets`.

#![allow(
    clippy::disallowed_methods,
    reason = "a build script starts the bundler, and what it writes is written again if it is ended in the middle"
)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the installed libraries are kept from one build to the next, if not below the home directory.
const CACHE: &str = "BERTH_ASSETS_CACHE";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=assets");
    println!("cargo::rerun-if-changed=templates");
    println!("cargo::rerun-if-changed=locales");
    println!("cargo::rerun-if-env-changed={CACHE}");
    let assets = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("assets");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let modules = installed(&assets, &out)?;
    let made = out.join("assets");
    run(Command::new("node").arg(assets.join("bundle.mjs")).arg(&modules).arg(&made), "bundling")?;
    fs::write(out.join("assets.rs"), table(&made)?)?;
    Ok(())
}

/// The directory with exactly the libraries of the lock file. It is kept outside of the checkout under a name
/// that the lock file decides, so that later builds need neither network nor time.
fn installed(assets: &Path, out: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let lock = fs::read(assets.join("package-lock.json"))?;
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache/berth/assets"));
    let cache = env::var_os(CACHE).map(PathBuf::from).or_else(home).unwrap_or_else(|| out.to_owned());
    let place = cache.join(format!("{:016x}", fingerprint(&lock)));
    let modules = place.join("node_modules");
    if modules.exists() {
        return Ok(modules);
    }
    fs::create_dir_all(&cache)?;
    let fresh = cache.join(format!("new-{}", std::process::id()));
    let _ = fs::remove_dir_all(&fresh);
    fs::create_dir_all(&fresh)?;
    for name in ["package.json", "package-lock.json"] {
        fs::copy(assets.join(name), fresh.join(name))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(Command::new("npm").args(arguments).current_dir(&fresh), "installing libraries")?;
    // Whoever is first wins; the others have installed the same.
    if fs::rename(&fresh, &place).is_err() {
        let _ = fs::remove_dir_all(&fresh);
    }
    Ok(modules)
}

fn run(command: &mut Command, what: &str) -> Result<(), Box<dyn Error>> {
    let advice = "the panel's style and script are made with Node.js 18 or newer and npm \
                  (`apt install nodejs npm`); the libraries are fetched once and then kept";
    let done = command.output().map_err(|error| {
        format!("{what} failed: {} can't be started: {error}; {advice}", command.get_program().display())
    })?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{what} failed: {}\n{advice}", String::from_utf8_lossy(&done.stderr)).into())
}

/// The results as a Rust array: name, plain, gzip, brotli.
fn table(made: &Path) -> Result<String, Box<dyn Error>> {
    let mut names: Vec<String> = fs::read_dir(made)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|kind| kind == "js" || kind == "css"))
        .filter_map(|path| path.file_name()?.to_str().map(str::to_owned))
        .collect();
    names.sort();
    let mut text = String::from("&[\n");
    for name in names {
        let include =
            |suffix: &str| format!("include_bytes!({:?})", format!("{}/{name}{suffix}", made.display()));
        writeln!(
            text,
            "    Asset {{ name: {name:?}, plain: {}, gzip: {}, brotli: {} }},",
            include(""),
            include(".gz"),
            include(".br")
        )?;
    }
    text.push_str("]\n");
    Ok(text)
}

/// FNV-1a: the standard hasher may change between compilers.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
