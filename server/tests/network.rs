//! What is sent to the internet, and where it does not go, over real sockets.
#![allow(clippy::similar_names, reason = "both ends of a connection are named alike")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of a test fail it where they stand"
)]

use std::sync::{Arc, Mutex};

use berth_server::network::{Internet, Network, NetworkError, Post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A receiver that answers everybody the same; what it was sent.
async fn receiver(answer: &'static str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut said = Vec::new();
            let mut part = [0; 4096];
            while !said.ends_with(b"{\"a\":1}") {
                let read = stream.read(&mut part).await.unwrap();
                if read == 0 {
                    break;
                }
                said.extend_from_slice(&part[..read]);
            }
            kept.lock().unwrap().push(String::from_utf8(said).unwrap());
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, seen)
}

fn post(url: &str, allow_private: bool) -> Post {
    Post {
        url: url.parse().unwrap(),
        headers: vec![("berth-event", "user.create".to_owned())],
        body: "{\"a\":1}".to_owned(),
        allow_private,
    }
}

#[tokio::test]
async fn a_post_arrives_as_it_is() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (port, seen) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://127.0.0.1:{port}/in?k=1");
    assert_eq!(Internet::default().post(&post(&url, true)).await.unwrap(), 204);
    let said = seen.lock().unwrap().remove(0);
    assert!(
        said.starts_with("POST /in?k=1 HTTP/1.1\r\n") && said.contains("berth-event: user.create\r\n"),
        "{said}"
    );
    assert!(said.contains("content-type: application/json\r\n"), "{said}");
}

#[tokio::test]
async fn a_private_address_is_not_asked_and_a_redirect_not_followed() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (inside, untouched) = receiver("HTTP/1.1 200 OK\r\n\r\n").await;
    for host in ["127.0.0.1", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let refused = Internet::default().post(&post(&format!("http://{host}:{inside}/"), false)).await;
        assert!(matches!(refused, Err(NetworkError::NotPublic { .. })), "{host}: {refused:?}");
    }
    let answer = Box::leak(
        format!(
            "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:{inside}/\r\nContent-Length: 0\r\n\r\n"
        )
        .into_boxed_str(),
    );
    let (port, _) = receiver(answer).await;
    let status = Internet::default().post(&post(&format!("http://127.0.0.1:{port}/"), true)).await.unwrap();
    assert_eq!(status, 307);
    assert!(untouched.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_endless_answer_and_none_at_all_come_to_an_end() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endless = Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20)).into_boxed_str());
    let (port, _) = receiver(endless).await;
    assert_eq!(
        Internet::default().post(&post(&format!("http://127.0.0.1:{port}/"), true)).await.unwrap(),
        200
    );
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let refused = Internet::default().post(&post(&format!("http://127.0.0.1:{closed}/"), true)).await;
    assert!(matches!(refused, Err(NetworkError::Http { .. })), "{refused:?}");
}
