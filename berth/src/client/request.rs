use reqwest::{Method, Url};
use serde_json::Value;

use crate::failure::Failure;

/// A request to `/api/v1`, or to a path at the top.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<(&'static str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn new(method: Method, path: &[&str]) -> Self {
        let path = ["api", "v1"].iter().chain(path).map(|part| (*part).to_owned()).collect();
        Self { method, path, query: Vec::new(), headers: Vec::new(), body: None }
    }

    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(crate) fn post(path: &[&str], body: Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    pub(crate) fn put(path: &[&str], body: Value) -> Self {
        Self::new(Method::PUT, path).json(body)
    }

    pub(crate) fn patch(path: &[&str], body: Value) -> Self {
        Self::new(Method::PATCH, path).json(body)
    }

    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds a query parameter if there is a value.
    pub(crate) fn query(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds a header if there is a value.
    pub(crate) fn header(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.headers.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// The address: every part of the path is escaped, so that a name can't become another path.
    pub(crate) fn url(&self, base: &Url) -> Result<Url, Failure> {
        if self.path.iter().any(|part| part.is_empty() || part == "." || part == "..") {
            return Err(Failure::usage(
                "a name on the command line is empty or a dot",
                "say which object you mean",
            ));
        }
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::usage(format!("{base} has no paths"), "use an https:// address"))?
            .pop_if_empty()
            .extend(&self.path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped() {
        let base = Url::parse("https://panel.example:8443").unwrap();
        let check = |path: &[&str], expected: &str| {
            assert_eq!(Request::get(path).url(&base).unwrap().as_str(), expected);
        };
        check(&["users", "alice"], "https://panel.example:8443/api/v1/users/alice");
        check(&["users", "a@b.c/../x?y#z"], "https://panel.example:8443/api/v1/users/a@b.c%2F..%2Fx%3Fy%23z");
        assert!(Request::get(&["users", ""]).url(&base).is_err());
        assert!(Request::get(&["users", ".."]).url(&base).is_err());
        let request = Request::get(&["users"]).query("search", Some("a&b=c")).query("role", None::<String>);
        assert_eq!(
            request.url(&base).unwrap().as_str(),
            "https://panel.example:8443/api/v1/users?search=a%26b%3Dc"
        );
    }
}
