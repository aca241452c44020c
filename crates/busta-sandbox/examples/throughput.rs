//! How fast the sandbox serves pages: `cargo run --release -p busta-sandbox --example throughput`.
//!
//! One thread serves; this one reads pages of 100 records over eight connections, for one warm and
//! one cold pass over 200,000 records, and looks at nothing but their length.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a product")]

use std::net::SocketAddr;
use std::time::Instant;

use busta_sandbox::{Sandbox, SandboxConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

const PAGES: usize = 2000;
const CONNECTIONS: usize = 8;

fn main() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let sandbox =
                Sandbox::start(SandboxConfig { records: 200_000, ..Default::default() }).await.unwrap();
            send.send(sandbox.address()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let address = receive.recv().unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    for pass in ["cold", "warm", "warm"] {
        let begun = Instant::now();
        let bytes = runtime.block_on(pass_over(address));
        let seconds = begun.elapsed().as_secs_f64();
        let rate = |n: f64| n / seconds;
        println!(
            "{pass}: {:.0} MB/s, {:.0} pages/s, {:.0} records/s",
            rate(bytes as f64 / 1e6),
            rate(PAGES as f64),
            rate(PAGES as f64 * 100.0)
        );
    }
}

async fn pass_over(address: SocketAddr) -> usize {
    let readers: Vec<_> = (0..CONNECTIONS).map(|n| tokio::spawn(read_pages(address, n))).collect();
    let mut bytes = 0;
    for reader in readers {
        bytes += reader.await.unwrap();
    }
    bytes
}

async fn read_pages(address: SocketAddr, first: usize) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    for page in (first + 1..=PAGES).step_by(CONNECTIONS) {
        let request =
            format!("GET /rest/page/orders?per_page=100&page={page} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        bytes += read_answer(&mut stream, &mut buffer).await;
    }
    bytes
}

/// Reads one answer, and returns the length of its body.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let (mut filled, mut whole) = (0, usize::MAX);
    let mut length = 0;
    while filled < whole {
        let count = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(count > 0, "the connection ended");
        filled += count;
        if whole == usize::MAX
            && let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n")
        {
            let head = std::str::from_utf8(&buffer[..end]).unwrap();
            assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            let value = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            length = value.parse().unwrap();
            whole = end + 4 + length;
        }
    }
    length
}
