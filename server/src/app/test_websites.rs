use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use berth_core::inquiry::{Found, Question};
use berth_core::website::{LocalPath, PosixIds, Remote, Website, WebsitePath};
use berth_core::{Code, Problem, Problems};
use berth_store::{nodes, websites};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Semaphore;

use super::ask_node::{ask, unexpected};
use super::context::Ctx;
use super::problem::{Failure, retrying};

/// Most connections to one server at a time.
const PER_SERVER: usize = 4;

/// Most connections at a time in all, of one request.
const AT_ONCE: usize = 32;

/// Tries every connection of these websites, several at a time. Nothing is changed anywhere; the keys of SSH
/// servers that are seen for the first time are pinned, so that the next connection knows them.
///
/// # Errors
/// `connection_failed` for each that is no good, at `websites[0][path]` and the like, with the website's label.
pub(super) async fn test_websites(ctx: &Ctx, sites: &[Website]) -> Result<(), Problems> {
    let all = Semaphore::new(AT_ONCE);
    let servers: HashMap<String, Arc<Semaphore>> =
        sites.iter().map(|site| (server(site), Arc::new(Semaphore::new(PER_SERVER)))).collect();
    let tests = FuturesUnordered::new();
    for (index, site) in sites.iter().enumerate() {
        for test in tests_of(site) {
            let (all, own) = (&all, servers.get(&server(site)).cloned());
            tests.push(async move {
                // Neither is ever closed, so waiting can't fail.
                let _own = match &own {
                    Some(own) => own.acquire().await.ok(),
                    None => None,
                };
                let _all = all.acquire().await.ok();
                let field = format!("websites[{index}]{}", test.field());
                run(ctx, &test).await.err().map(|why| {
                    let problem =
                        Problem::new(Code::ConnectionFailed, format!("{}: {why}", site.label)).at(field);
                    (index, problem)
                })
            });
        }
    }
    let mut found: Vec<(usize, Problem)> = tests.filter_map(async |problem| problem).collect().await;
    found.sort_by(|(a, x), (b, y)| (a, &x.field, &x.detail).cmp(&(b, &y.field, &y.detail)));
    let problems: Problems = found.into_iter().map(|(_, problem)| problem).collect();
    problems.into_result()
}

fn server(site: &Website) -> String {
    site.server().unwrap_or_default()
}

/// One thing to try.
enum Test<'a> {
    Remote(&'a Remote),
    Local(&'a LocalPath, Option<PosixIds>, Option<String>),
    Database(usize, &'a berth_core::website::WebsiteDatabase),
    Vhost(&'a berth_core::website::VhostUrl, Option<IpAddr>),
}

impl Test<'_> {
    fn field(&self) -> String {
        match self {
            Self::Remote(_) | Self::Local(..) => "[path]".to_owned(),
            Self::Database(index, _) => format!("[databases][{index}]"),
            Self::Vhost(..) => "[vhosts]".to_owned(),
        }
    }
}

fn tests_of(site: &Website) -> Vec<Test<'_>> {
    let path = site.path.as_ref().map(|path| match path {
        WebsitePath::Remote(remote) => Test::Remote(remote),
        WebsitePath::Local(path) => Test::Local(path, site.ids, site.server()),
    });
    let databases =
        site.databases.iter().enumerate().map(|(index, database)| Test::Database(index, database));
    let vhosts = site.vhosts.iter().map(|(url, _)| Test::Vhost(url, site.vhost_ip));
    path.into_iter().chain(databases).chain(vhosts).collect()
}

async fn run(ctx: &Ctx, test: &Test<'_>) -> Result<(), String> {
    let prober = ctx.app.prober.as_ref();
    match test {
        Test::Remote(remote) => probe_remote(ctx, remote).await,
        Test::Local(path, ids, server) => look_locally(ctx, path, *ids, server.as_deref()).await,
        Test::Database(_, database) => prober.database(database).await.map_err(|error| error.to_string()),
        Test::Vhost(url, at) => prober.vhost(url, *at).await.map_err(|error| error.to_string()),
    }
}

async fn probe_remote(ctx: &Ctx, remote: &Remote) -> Result<(), String> {
    let server = format!("{}:{}", remote.host(), remote.port());
    let unavailable = |_: Problems| "the database does not answer".to_owned();
    let pinned = retrying!(&ctx.app, pinned(ctx, &server)).map_err(unavailable)?;
    let shown = ctx.app.prober.remote(remote, pinned.as_deref()).await.map_err(|error| error.to_string())?;
    if let Some(shown) = shown.filter(|_| pinned.is_none()) {
        retrying!(&ctx.app, pin(ctx, &server, &shown)).map_err(unavailable)?;
    }
    Ok(())
}

async fn pinned(ctx: &Ctx, server: &str) -> Result<Option<String>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(websites::pinned(&mut tx, server).await?)
}

async fn pin(ctx: &Ctx, server: &str, shown: &str) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    websites::pin(&mut tx, server, shown, ctx.app.clock.now()).await?;
    Ok(tx.commit().await?)
}

/// Asks the node: the server itself has no rights there. The node is the one that the website names, or else
/// the one that this host is.
async fn look_locally(
    ctx: &Ctx,
    path: &LocalPath,
    ids: Option<PosixIds>,
    server: Option<&str>,
) -> Result<(), String> {
    let said = |problems: Problems| {
        problems
            .leading()
            .map_or_else(|| "the node has not answered".to_owned(), |problem| problem.detail.clone())
    };
    let node = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let named = match server {
            Some(server) => nodes::by_name(&mut tx, server).await?,
            None => None,
        };
        match named {
            Some(node) => Ok::<_, Failure>(node.id),
            None => super::known::node(&mut tx, &ctx.app.settings.node).await.map(|node| node.id),
        }
    })
    .map_err(said)?;
    let question = Question::Directory { path: path.clone() };
    let Found::Directory { owner, mode } = ask(ctx, node, question).await.map_err(said)? else {
        return Err(unexpected().detail);
    };
    match ids {
        Some(ids) if owner != (ids.uid, ids.gid) => {
            let (uid, gid) = owner;
            Err(format!("{} belongs to {uid}:{gid}, not to {}:{}", path.as_str(), ids.uid, ids.gid))
        }
        _ if mode & 0o200 == 0 => Err(format!("the owner may not write to {}", path.as_str())),
        _ => Ok(()),
    }
}
