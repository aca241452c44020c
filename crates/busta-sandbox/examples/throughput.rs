//! How fast the sandbox serves pages: `cargo run --release -p busta-sandbox --example throughput`.
//!
//! One thread serves; this one reads pages of 100 records over eight connections, for one cold and two
//! warm passes over 200,000 records, 80,000 STAC items and 1 GB of objects, and looks at nothing but their
//! length.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a product")]

use std::net::SocketAddr;
use std::time::Instant;

use busta_sandbox::{Sandbox, SandboxConfig, StacWorld};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;

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
    let world: StacWorld = "default".parse().unwrap();
    let stac = |page: u64| match page {
        0 => "/stac/default/search?limit=100".to_owned(),
        _ => format!("/stac/default/search?limit=100&token=next:{}", world.id(world.items - page * 100)),
    };
    let rest = |page: u64| format!("/rest/page/orders?per_page=100&page={}", page + 1);
    let objects = |n: u64| format!("/objects/{n}?size=10000000");
    for (name, targets) in [
        ("records", (0..2000).map(rest).collect::<Vec<_>>()),
        ("STAC items", (0..800).map(stac).collect()),
        ("objects", (0..100).map(objects).collect()),
    ] {
        for pass in ["cold", "warm", "warm"] {
            let begun = Instant::now();
            let bytes = runtime.block_on(pass_over(address, &targets));
            let rate = |n: f64| n / begun.elapsed().as_secs_f64();
            let (megabytes, answers) = (rate(bytes as f64 / 1e6), rate(targets.len() as f64));
            println!("{name}, {pass}: {megabytes:.0} MB/s, {answers:.0} answers/s");
        }
    }
}

async fn pass_over(address: SocketAddr, targets: &[String]) -> usize {
    let share = |n| targets.iter().skip(n).step_by(CONNECTIONS).cloned().collect();
    let readers: Vec<_> = (0..CONNECTIONS).map(|n| tokio::spawn(read_all(address, share(n)))).collect();
    let mut bytes = 0;
    for reader in readers {
        bytes += reader.await.unwrap();
    }
    bytes
}

async fn read_all(address: SocketAddr, targets: Vec<String>) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    for target in targets {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        bytes += read_answer(&mut stream, &mut buffer).await;
    }
    bytes
}

/// Reads one answer, and returns the length of its body.
async fn read_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut filled = 0;
    let end = loop {
        let count = stream.read(&mut buffer[filled..]).await.unwrap();
        assert!(count > 0, "the connection ended");
        filled += count;
        if let Some(end) = buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = std::str::from_utf8(&buffer[..end]).unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let length: usize = length.parse().unwrap();
    let mut left = (end + 4 + length).saturating_sub(filled);
    while left > 0 {
        let count = stream.read(buffer).await.unwrap();
        assert!(count > 0, "the connection ended");
        left -= count;
    }
    length
}
