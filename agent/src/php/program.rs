//! Finding PHP-FPM.

use berth_core::{Code, Problem};

use crate::host::Host;
use crate::resource::Failure;

const DIR: &str = "/usr/sbin";
const NAME: &str = "php-fpm";

/// The newest PHP-FPM that is installed.
pub fn find(host: &dyn Host) -> Result<String, Failure> {
    let names = host.list(DIR)?;
    let newest = names.iter().filter_map(|name| version(name).map(|version| (version, name))).max();
    match newest {
        Some((_, name)) => Ok(format!("{DIR}/{name}")),
        None => Err(Failure::Unsupported(
            Problem::new(Code::PhpFailed, "PHP-FPM is not installed on the node")
                .hint("install Debian's php-fpm package on the node"),
        )),
    }
}

fn version(name: &str) -> Option<(u32, u32)> {
    let (major, minor) = name.strip_prefix(NAME)?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let mut names = ["php-fpm8.4", "php-fpm8.10", "php-fpm", "php-fpm8", "php-fpm-x.y", "phpd8.9"];
        names.sort_by_key(|name| version(name));
        assert_eq!(names.last(), Some(&"php-fpm8.10"));
        assert_eq!(names.iter().filter(|name| version(name).is_some()).count(), 2);
    }
}
