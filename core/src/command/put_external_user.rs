use serde_json::{Map, Value};

use crate::name::{Email, Login};
use crate::role::Role;
use crate::website::{
    DatabaseHost, DatabaseName, DatabaseSecret, Locale, PackageLabel, PosixIds, ServerLabel, VhostDirectory,
    VhostUrl, Website, WebsiteDatabase, WebsiteLabel, WebsitePath,
};
use crate::{Code, Fields, Parse, Problem, Problems};

/// Most websites of one user.
const WEBSITES_MAX: usize = 1000;

/// Most addresses or databases of one website.
const PARTS_MAX: usize = 500;

/// Create a user who has websites, or change one. What is `None` stays as it is, or gets its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutExternalUser {
    /// The user.
    pub login: Login,
    /// The contact address; `Some(None)` takes it away.
    pub email: Option<Option<Email>>,
    /// The language that they see Installatron in.
    pub locale: Option<Locale>,
    /// The package; `Some(None)` takes it away.
    pub package: Option<Option<PackageLabel>>,
    /// The reseller or main administrator who owns the user.
    pub parent: Option<Login>,
    /// Whether everything of the user is suspended.
    pub suspended: Option<bool>,
    /// [`Role::User`] or [`Role::Reseller`].
    pub role: Option<Role>,
    /// All their websites, in place of those that there are.
    pub websites: Option<Vec<Website>>,
}

impl PutExternalUser {
    /// Reads the fields of Installatron's `POST /users`. `on_demand` says that hooks give the paths of websites
    /// that name none.
    ///
    /// # Errors
    /// Every problem of every field; those of a website are at `websites[0][path]` and the like.
    pub fn parse(mut fields: Fields, on_demand: bool) -> Result<Self, Problems> {
        let login = fields.required::<Login>("id");
        let email = optional_text::<Email>(&mut fields, "email");
        let locale = fields.optional("language");
        let package = optional_text::<PackageLabel>(&mut fields, "package");
        let parent = parent(&mut fields);
        let suspended = fields.optional_switch("suspended");
        let role = fields.text("type").and_then(|text| {
            let role = match text.as_str() {
                "user" => Ok(Role::User),
                "reseller" => Ok(Role::Reseller),
                other => Err(Problem::new(
                    Code::ValueInvalid,
                    format!("`{}` is not a type of user", crate::name::shown(other)),
                )
                .hint("use user or reseller")),
            };
            fields.keep("type", role)
        });
        let mut further = Problems::none();
        let websites = fields.raw("websites").map(|value| websites(value, on_demand, &mut further));
        let mut problems = fields.finish();
        problems.extend(further);
        problems.into_result()?;
        let login = login.ok_or_else(|| Problem::new(Code::FieldMissing, "`id` is required").at("id"))?;
        Ok(Self { login, email, locale, package, parent, suspended, role, websites })
    }
}

/// A field that an empty text takes away.
#[expect(clippy::option_option, reason = "not said, taken away and set are three things")]
fn optional_text<T: Parse>(fields: &mut Fields, name: &str) -> Option<Option<T>> {
    if !fields.sent(name) {
        return None;
    }
    let empty = !fields.has(name);
    match fields.text(name) {
        None if empty => None,
        None => Some(None),
        Some(text) => fields.keep(name, T::parse(&text)).map(Some),
    }
}

/// `root` is what the vendor's own examples call the main administrator.
fn parent(fields: &mut Fields) -> Option<Login> {
    match fields.text("parent")?.as_str() {
        "root" => Some(Login::first_admin()),
        text => fields.keep("parent", Login::parse(text)),
    }
}

fn websites(value: Value, on_demand: bool, problems: &mut Problems) -> Vec<Website> {
    let Value::Array(values) = value else {
        problems.push(Problem::new(Code::ValueInvalid, "expected a list of websites").at("websites"));
        return Vec::new();
    };
    if values.len() > WEBSITES_MAX {
        problems.push(
            Problem::new(Code::ValueInvalid, format!("a user has at most {WEBSITES_MAX} websites"))
                .at("websites"),
        );
        return Vec::new();
    }
    let mut found: Vec<Website> = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        let place = |field: &str| format!("websites[{index}]{}", bracketed(field));
        let read = Fields::from_value(value).and_then(|fields| website(fields, index, on_demand));
        match read {
            Ok(website) if found.iter().any(|other| other.label == website.label) => problems.push(
                Problem::new(Code::ValueInvalid, format!("two websites have the label {}", website.label))
                    .at(place("label"))
                    .hint("a label identifies a website uniquely"),
            ),
            Ok(website) => found.push(website),
            Err(those) => problems.extend(
                those
                    .into_iter()
                    .map(|problem| {
                        let field = problem.field.clone().unwrap_or_default();
                        problem.at(place(&field))
                    })
                    .collect(),
            ),
        }
    }
    found
}

/// `path` as `[path]`, `databases[0]` as `[databases][0]`.
fn bracketed(field: &str) -> String {
    match field.split_once('[') {
        _ if field.is_empty() => String::new(),
        Some((name, rest)) => format!("[{name}][{rest}"),
        None => format!("[{field}]"),
    }
}

fn website(mut fields: Fields, index: usize, on_demand: bool) -> Result<Website, Problems> {
    let path = if on_demand { fields.optional::<WebsitePath>("path") } else { fields.required("path") };
    let mut further = Problems::none();
    let vhosts = fields.raw("vhosts").map(|value| vhosts(value, &mut further)).unwrap_or_default();
    let databases = fields.raw("databases").map(|value| databases(value, &mut further)).unwrap_or_default();
    let ids = ids(&mut fields, path.as_ref());
    let label = fields.optional::<WebsiteLabel>("label");
    let language = fields.optional("language");
    let server = fields.optional::<ServerLabel>("server");
    let suspended = fields.switch("suspended", false);
    let vhost_ip = fields.text("vhost_ip").and_then(|text| {
        let parsed = text.trim().parse().map_err(|_| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not an IP address", crate::name::shown(&text)))
        });
        fields.keep("vhost_ip", parsed)
    });
    let email = fields.optional("email");
    // Examples of the vendor call the same thing `reseller`.
    let reseller = fields.text("reseller");
    let parent = parent(&mut fields).or_else(|| match reseller.as_deref()? {
        "root" => Some(Login::first_admin()),
        text => fields.keep("reseller", Login::parse(text)),
    });
    let mut problems = fields.finish();
    problems.extend(further);
    problems.into_result()?;
    let label = match label {
        Some(label) => label,
        None => default_label(&vhosts, path.as_ref(), index)?,
    };
    Ok(Website { path, vhosts, databases, ids, label, language, server, suspended, vhost_ip, email, parent })
}

fn default_label(
    vhosts: &[(VhostUrl, VhostDirectory)],
    path: Option<&WebsitePath>,
    index: usize,
) -> Result<WebsiteLabel, Problem> {
    let text = match (vhosts.first(), path) {
        (Some((url, _)), _) => url.host().to_owned(),
        (None, Some(WebsitePath::Remote(remote))) => remote.host().to_owned(),
        (None, Some(WebsitePath::Local(path))) => path.as_str().to_owned(),
        (None, None) => format!("website-{}", index.saturating_add(1)),
    };
    WebsiteLabel::parse(&text)
}

/// User and group of local files: both or neither, and both where the files are local.
fn ids(fields: &mut Fields, path: Option<&WebsitePath>) -> Option<PosixIds> {
    let mut number = |name: &str| {
        let sent = fields.has(name);
        let number = fields.optional_number(name);
        let fits = number.and_then(|number| u32::try_from(number).ok()).filter(|id| *id != u32::MAX);
        if let Some(number) = number.filter(|_| fits.is_none()) {
            fields.refuse(name, Code::ValueInvalid, format!("{number} is not a numeric id"));
        }
        (sent, fits)
    };
    let (uid, gid) = (number("uid"), number("gid"));
    let local = path.is_some_and(WebsitePath::is_local);
    for (name, (sent, _), (other, _)) in [("uid", uid, gid), ("gid", gid, uid)] {
        if !sent && (local || other) {
            fields.refuse(name, Code::FieldMissing, format!("`{name}` is required for local files"));
        }
    }
    Some(PosixIds { uid: uid.1?, gid: gid.1? })
}

fn vhosts(value: Value, problems: &mut Problems) -> Vec<(VhostUrl, VhostDirectory)> {
    let refuse = |detail: String| Problem::new(Code::ValueInvalid, detail).at("vhosts");
    let map: Map<String, Value> = match value {
        Value::Object(map) => map,
        // An empty associative array of PHP becomes an empty list.
        Value::Array(list) if list.is_empty() => Map::new(),
        _ => {
            problems.push(refuse("expected an object from address to directory".to_owned()));
            return Vec::new();
        }
    };
    if map.len() > PARTS_MAX {
        problems.push(refuse(format!("a website has at most {PARTS_MAX} addresses")));
        return Vec::new();
    }
    let mut found = Vec::with_capacity(map.len());
    for (url, directory) in map {
        let Value::String(directory) = directory else {
            problems.push(refuse(format!("`{}` has no directory", crate::name::shown(&url))));
            continue;
        };
        match (VhostUrl::parse(&url), VhostDirectory::parse(&directory)) {
            (Ok(url), Ok(directory)) => found.push((url, directory)),
            (url, directory) => {
                let both = [url.err(), directory.err()];
                problems.extend(both.into_iter().flatten().map(|problem| problem.at("vhosts")).collect());
            }
        }
    }
    found
}

fn databases(value: Value, problems: &mut Problems) -> Vec<WebsiteDatabase> {
    let refuse = |detail: String| Problem::new(Code::ValueInvalid, detail).at("databases");
    let Value::Array(values) = value else {
        problems.push(refuse("expected a list of databases".to_owned()));
        return Vec::new();
    };
    if values.len() > PARTS_MAX {
        problems.push(refuse(format!("a website has at most {PARTS_MAX} databases")));
        return Vec::new();
    }
    let mut found = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        match Fields::from_value(value).and_then(database) {
            Ok(database) => found.push(database),
            Err(those) => problems.extend(
                those
                    .into_iter()
                    .map(|problem| {
                        let field = problem.field.clone().unwrap_or_default();
                        problem.at(format!("databases[{index}]{}", bracketed(&field)))
                    })
                    .collect(),
            ),
        }
    }
    found
}

fn database(mut fields: Fields) -> Result<WebsiteDatabase, Problems> {
    if let Some(kind) = fields.text("type")
        && kind != "mysql"
    {
        fields.refuse("type", Code::ValueInvalid, "the type of a database must be mysql");
    }
    let host = fields.required::<DatabaseHost>("host");
    let name = fields.required::<DatabaseName>("name");
    let user = fields.required::<DatabaseName>("user");
    let pass = fields.required::<DatabaseSecret>("pass");
    fields.finish().into_result()?;
    match (host, name, user, pass) {
        (Some(host), Some(name), Some(user), Some(pass)) => Ok(WebsiteDatabase { host, name, user, pass }),
        _ => Err(Problem::new(Code::FieldMissing, "a database needs host, name, user and pass").into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<PutExternalUser, Vec<(Code, String)>> {
        PutExternalUser::parse(Fields::from_value(value).unwrap(), false).map_err(|problems| {
            problems.into_iter().map(|problem| (problem.code, problem.field.unwrap_or_default())).collect()
        })
    }

    #[test]
    fn the_vendors_own_example() {
        let command = parse(json!({
            "id": "useraccountname",
            "websites": [
                {
                    "path": "sftp://exampleftpuser:exampleftppassword@website.com",
                    "label": "website.com",
                    "server": "website.com",
                    "reseller": "root",
                    "vhosts": { "http://website.com": "httpdocs", "http://www.website.com": "httpdocs" }
                },
                {
                    "path": "sftp://exampleftpuser:exampleftppassword@website.com/subdomain",
                    "label": "subdomain.website.com",
                    "email": "user@mail.com",
                    "vhosts": {
                        "http://subdomain.website.com": "httpdocs/subdomain",
                        "https://subdomain.website.com": "httpdocs/subdomain"
                    }
                }
            ]
        }))
        .unwrap();
        assert_eq!(command.email, None);
        let websites = command.websites.unwrap();
        assert_eq!(websites[0].parent, Some(Login::first_admin()));
        assert_eq!(websites[1].email.as_ref().unwrap().as_str(), "user@mail.com");
        assert_eq!(websites[1].server().as_deref(), Some("website.com"));
        assert_eq!(websites[1].vhosts.len(), 2);
    }

    #[test]
    fn every_problem_names_its_website_and_field() {
        let problems = parse(json!({
            "id": "Not A Name", "type": "admin", "language": "english",
            "websites": [
                { "path": "c:\\inetpub\\vhosts\\x", "vhosts": { "ftp://x": "a" } },
                { "path": "/home/x", "databases": [{ "host": "localhost", "type": "pgsql" }] },
                { "vhosts": [], "vhost_ip": "300.1.1.1" },
            ]
        }))
        .unwrap_err();
        let expected = [
            (Code::UsernameInvalid, "id"),
            (Code::ValueInvalid, "language"),
            (Code::ValueInvalid, "type"),
            (Code::ValueInvalid, "websites[0][path]"),
            (Code::ValueInvalid, "websites[0][vhosts]"),
            (Code::FieldMissing, "websites[1][uid]"),
            (Code::FieldMissing, "websites[1][gid]"),
            (Code::ValueInvalid, "websites[1][databases][0][type]"),
            (Code::FieldMissing, "websites[1][databases][0][name]"),
            (Code::FieldMissing, "websites[1][databases][0][user]"),
            (Code::FieldMissing, "websites[1][databases][0][pass]"),
            (Code::FieldMissing, "websites[2][path]"),
            (Code::ValueInvalid, "websites[2][vhost_ip]"),
        ]
        .map(|(code, field)| (code, field.to_owned()));
        assert_eq!(problems, expected);
    }

    #[test]
    fn labels_are_unique_and_have_a_default() {
        let site = |label: Option<&str>| json!({ "path": "sftp://u:p@h.example", "label": label, "vhosts": { "http://a.example": "x" } });
        let command = parse(json!({ "id": "mira", "websites": [site(None), site(Some("b"))] })).unwrap();
        assert_eq!(command.websites.unwrap()[0].label.as_str(), "a.example");
        let problems = parse(json!({ "id": "mira", "websites": [site(None), site(Some("a.example"))] }));
        assert_eq!(problems.unwrap_err(), [(Code::ValueInvalid, "websites[1][label]".to_owned())]);
    }

    #[test]
    fn what_is_not_sent_stays_and_what_is_empty_goes() {
        let command = parse(json!({ "id": "mira", "email": "" })).unwrap();
        assert_eq!((command.email, command.package), (Some(None), None));
    }
}
