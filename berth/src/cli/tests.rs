//! The command line as a whole: its definitions, the bodies that it builds, and its help.

use clap::{CommandFactory, Parser};
use serde_json::{Value, json};

use super::*;

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("berth").chain(line.iter().copied()))
}

fn command(line: &[&str]) -> Command {
    parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}")).command
}

/// The JSON that a command line sends.
fn body(line: &[&str]) -> Value {
    match command(line) {
        Command::User(user::UserCommand::Create(args)) => args.body(None, &[]),
        Command::User(user::UserCommand::Edit(args)) => args.body(),
        Command::User(user::UserCommand::SetPackage(args)) => args.body(),
        Command::Package(package::PackageCommand::Create(args)) => args.body(),
        Command::Package(package::PackageCommand::Edit(args)) => args.body(),
        Command::Domain(domain::DomainCommand::Add(args)) => args.body(),
        Command::Domain(domain::DomainCommand::Edit(args)) => args.body(),
        Command::Timer(timer::TimerCommand::Add(args)) => args.body(),
        Command::Timer(timer::TimerCommand::Edit(args)) => args.body(),
        Command::ApiKey(api_key::ApiKeyCommand::Create(args)) => args.body(),
        Command::Egress(egress::EgressCommand::Allow(args)) => args.body(),
        Command::Webhook(webhook::WebhookCommand::Add(args)) => args.body(),
        other => panic!("{other:?} sends no body that this test knows"),
    }
}

#[test]
fn the_definitions_hold_together() {
    Cli::command().debug_assert();
}

#[test]
fn the_specification_s_line_becomes_this_body() {
    let line = [
        "user",
        "create",
        "--username",
        "alice",
        "--email",
        "alice@example.com",
        "--display-name",
        "Alice Smith",
        "--role",
        "user",
        "--package",
        "standard",
        "--primary-domain",
        "alicesite.com",
    ];
    let expected = json!({
        "username": "alice", "email": "alice@example.com", "display_name": "Alice Smith", "role": "user",
        "package": "standard", "primary_domain": "alicesite.com"
    });
    assert_eq!(body(&line), expected);
    let fields = berth_core::Fields::from_value(body(&line)).unwrap();
    assert!(berth_core::command::CreateUser::parse(fields).is_ok());
}

#[test]
fn arguments_become_bodies() {
    for (line, expected) in [
        (&["user", "create"][..], json!({})),
        (
            &["user", "create", "--role", "admin", "--no-sftp", "--no-welcome-email"],
            json!({"role": "admin", "sftp": false, "welcome_email": false}),
        ),
        (&["user", "edit", "alice"], json!({})),
        (
            &["user", "edit", "alice", "--phone", "", "--language", "de", "--if-version", "3"],
            json!({"phone": "", "language": "de"}),
        ),
        (&["user", "set-package", "alice", "pro"], json!({"package": "pro", "force": false})),
        (&["user", "set-package", "alice", "pro", "--force"], json!({"package": "pro", "force": true})),
        (&["package", "create", "small"], json!({"name": "small"})),
        (
            &[
                "package",
                "create",
                "big",
                "--disk-mb",
                "unlimited",
                "--domains",
                "5",
                "--io-mb-per-second",
                "inherit",
                "--sftp",
                "no",
                "--timers",
                "always",
                "--egress",
                "web+mail",
            ],
            json!({
                "name": "big", "disk_mb": "unlimited", "domains": "5", "io_mb_per_second": "inherit",
                "sftp": false, "timers": "always", "egress": "web+mail"
            }),
        ),
        (&["package", "edit", "big", "--tasks", "7"], json!({"tasks": "7"})),
        (
            &["egress", "allow", "alice", "--to", "192.0.2.0/24", "--port", "25"],
            json!({"network": "192.0.2.0/24", "port": "25"}),
        ),
        (
            &[
                "egress",
                "allow",
                "alice",
                "--to",
                "::1",
                "--port",
                "1-2",
                "--protocol",
                "udp",
                "--note",
                "x y",
            ],
            json!({"network": "::1", "port": "1-2", "protocol": "udp", "note": "x y"}),
        ),
        (&["webhook", "add", "https://a.example/"], json!({"url": "https://a.example/"})),
        (
            &["webhook", "add", "https://a.example/", "--event", "user.*,domain.add", "--note", "billing"],
            json!({"url": "https://a.example/", "events": ["user.*", "domain.add"], "note": "billing"}),
        ),
        (&["domain", "add", "alice", "example.com"], json!({"domain": "example.com"})),
        (
            &["domain", "add", "alice", "example.com", "--docroot", "public_html/app"],
            json!({"domain": "example.com", "docroot": "public_html/app"}),
        ),
        (
            &["domain", "edit", "alice", "example.com", "--docroot", "public_html"],
            json!({"docroot": "public_html"}),
        ),
        (
            &[
                "api-key",
                "create",
                "--label",
                "ci",
                "--scope",
                "read",
                "--scope",
                "users",
                "--expires-in-days",
                "30",
            ],
            json!({"label": "ci", "scopes": ["read", "users"], "expires_in_days": 30}),
        ),
        (
            &["api-key", "create", "--label", "ci", "--scope", "read,users"],
            json!({"label": "ci", "scopes": ["read", "users"]}),
        ),
    ] {
        assert_eq!(body(line), expected, "{line:?}");
    }
}

#[test]
fn every_limit_of_a_package_has_an_option() {
    for name in berth_core::package::Limits::NAMES {
        let option = format!("--{}", name.replace('_', "-"));
        assert_eq!(body(&["package", "edit", "p", &option, "1"]), json!({*name: "1"}));
    }
}

#[test]
fn what_can_not_be_meant_is_a_usage_error() {
    for line in [
        &["user"][..],
        &["user", "show"],
        &["user", "create", "alice"],
        &["user", "create", "--password", "x", "--password-stdin"],
        &["user", "list", "--all", "--cursor", "x"],
        &["node", "audit"],
        &["ssh-key", "add", "alice"],
        &["home", "quarantine"],
        &["nonsense"],
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}: {error}");
    }
    for line in
        [&["node", "audit", "--now"][..], &["node", "audit", "web1", "--now", "--wait", "--timeout", "5"]]
    {
        assert!(parse(line).is_ok(), "{line:?}");
    }
}

#[test]
fn json_is_an_option_of_every_command() {
    for line in [
        &["user", "list", "--json"][..],
        &["--json", "doctor"],
        &["node", "show", "--json"],
        &["backup", "f", "--json"],
        &["setup", "--json"],
        &["sftp", "on", "alice", "--json"],
    ] {
        assert!(parse(line).unwrap_or_else(|error| panic!("{line:?}: {error}")).global.json, "{line:?}");
    }
}

/// The help of a command and of everything below it.
fn help(mut command: clap::Command, path: &str, into: &mut String) {
    let name = format!("{path}{}", command.get_name());
    into.push_str(
        &["$ ", &name, " --help\n", &command.clone().term_width(100).render_long_help().to_string(), "\n"]
            .concat(),
    );
    command.build();
    for below in command.get_subcommands().filter(|below| !below.is_hide_set() && below.get_name() != "help")
    {
        // What is the same everywhere is shown once, at the top.
        let below = below.clone().mut_args(|argument| {
            let everywhere = argument.is_global_set() || argument.get_id() == "help";
            argument.hide(everywhere)
        });
        help(below, &format!("{name} "), into);
    }
}

#[test]
fn help_is_what_was_reviewed() {
    let mut text = String::new();
    // The environment must not show in the help.
    let command = Cli::command().mut_args(|argument| argument.hide_env_values(true));
    help(command, "", &mut text);
    insta::assert_snapshot!(text);
}
