//! The client against a server of a few lines: what matters is what goes over the socket.

use std::sync::Mutex;

use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::NodeId;
use berth_core::link::{AccountReport, Report};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::*;
use crate::host::tree::TreeHost;
use crate::reconcile::testing::spec;

struct Fixture {
    dir: tempfile::TempDir,
    link: Link,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let link = Link {
        client: Arc::new(Client::new(dir.path().join("agent.sock"))),
        ledger: Arc::new(Mutex::new(Ledger::open(&dir.path().join("ledger")).unwrap())),
        lanes: Arc::default(),
        outbox: Arc::default(),
        jitter: Arc::new(|| 0.0),
        host: Arc::new(TreeHost::open(&dir.path().join("tree")).unwrap()),
    };
    Fixture { dir, link }
}

impl Fixture {
    fn listen(&self) -> UnixListener {
        UnixListener::bind(self.dir.path().join("agent.sock")).unwrap()
    }
}

/// Reads one request and gives its path and body.
async fn request(stream: &mut UnixStream) -> (String, serde_json::Value) {
    let mut bytes = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            return (head.lines().next().unwrap().to_owned(), body);
        }
    }
}

async fn answer(stream: &mut UnixStream, status: &str, body: &str) {
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
}

fn pulled(accounts: Vec<berth_core::spec::AccountSpec>) -> String {
    let node = NodeId(uuid::Uuid::nil());
    serde_json::to_string(&PullResponse {
        node,
        accounts,
        more: false,
        audit: 7,
        quarantines: Vec::new(),
        certificates: Vec::new(),
        acme: None,
        inquiries: Vec::new(),
    })
    .unwrap()
}

#[tokio::test]
async fn what_is_pulled_is_stored_and_signalled_and_the_cursor_moves() {
    let f = fixture();
    let listener = f.listen();
    let server = tokio::spawn(async move {
        let mut cursors = Vec::new();
        for accounts in [vec![spec("alice", 1, 5)], Vec::new()] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (line, body) = request(&mut stream).await;
            assert_eq!(line, "POST /agent/v1/pull HTTP/1.1");
            cursors.push((body["cursor"].as_u64().unwrap(), body["audit"].as_u64().unwrap()));
            answer(&mut stream, "200 OK", &pulled(accounts)).await;
        }
        cursors
    });
    f.link.pull_once().await.unwrap();
    let work = f.link.lanes.next(None);
    assert_eq!(work.accounts, [spec("alice", 1, 5).account].into());
    assert_eq!(work.audit, crate::reconcile::Audit::Begins);
    f.link.pull_once().await.unwrap();
    // A request for an audit that is under way is not asked for again.
    assert_eq!(server.await.unwrap(), [(0, 0), (5, 7)]);
    assert_eq!(f.link.ledger.lock().unwrap().audit(), 0, "it has not ended yet");
}

#[tokio::test]
async fn a_server_that_is_away_or_refuses_is_an_error_that_says_so() {
    let f = fixture();
    assert!(matches!(f.link.pull_once().await, Err(LinkError::Connect { .. })));
    let listener = f.listen();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        answer(&mut stream, "503 Service Unavailable", "").await;
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        answer(&mut stream, "200 OK", "{\"accounts\": 1}").await;
    });
    assert!(matches!(f.link.pull_once().await, Err(LinkError::Refused { .. })));
    assert!(matches!(f.link.pull_once().await, Err(LinkError::Exchange { .. })));
    assert!(matches!(f.link.pull_once().await, Err(LinkError::Exchange { .. })));
    assert_eq!(f.link.ledger.lock().unwrap().cursor(), 0);
}

#[tokio::test]
async fn a_report_is_sent_until_it_is_taken_and_then_remembered() {
    let f = fixture();
    f.link.ledger.lock().unwrap().accept(vec![spec("alice", 1, 5)]).unwrap();
    let account = spec("alice", 1, 5).account;
    let conditions = vec![Condition::new(Resource::Home, ConditionState::Converged)];
    let report = AccountReport { account, generation: 5, conditions };
    f.link.outbox.accounts(vec![report.clone()]);
    let listener = f.listen();
    let sender = tokio::spawn(f.link.clone().report());
    let (mut stream, _) = listener.accept().await.unwrap();
    request(&mut stream).await;
    answer(&mut stream, "500 Internal Server Error", "").await;
    let (mut stream, _) = listener.accept().await.unwrap();
    let (line, body) = request(&mut stream).await;
    assert_eq!(line, "POST /agent/v1/report HTTP/1.1");
    assert_eq!(serde_json::from_value::<Report>(body).unwrap().accounts, std::slice::from_ref(&report));
    assert_eq!(f.link.ledger.lock().unwrap().reported(account), None);
    answer(&mut stream, "204 No Content", "").await;
    for _ in 0..200 {
        if f.link.ledger.lock().unwrap().reported(account) == Some(&report) {
            sender.abort();
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the ledger does not know that the report was taken");
}
