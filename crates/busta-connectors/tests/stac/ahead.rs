//! Pages that are asked for ahead: no other, no more, and their errors in their place.

use std::path::PathBuf;
use std::sync::Arc;

use busta_connectors::sources::stac::CONNECTOR;
use busta_core::connector::SourceContext;
use busta_core::{Checkpoint, ErrorKind, Reader, Source};
use busta_testkit::meter::Lenient;
use serde_json::{Value, json};

use super::scripted::{Answer, Script};
use super::{build, context, keys, read, read_both, sandbox, with};

fn lenient(config: Value) -> (Box<dyn Source>, Arc<Lenient>) {
    let meter = Arc::new(Lenient::default());
    let context = SourceContext { meter: meter.clone(), ..context(PathBuf::new()) };
    ((CONNECTOR.build)(config, context).unwrap_or_else(|problems| panic!("{problems:?}")), meter)
}

#[tokio::test]
async fn the_same_pages_are_asked_for_each_once() {
    let sandbox = sandbox().await;
    // Without it, where to cut depends on the time of day.
    let span = "2022-01-01T00:00:00Z/2024-12-31T23:59:59Z";
    for (options, more) in [
        ("", json!({ "datetime": span })),
        ("", json!({ "split": "none" })),
        (",next=merge", json!({ "split": "none" })),
        (",next=headers", json!({ "split": "none" })),
        (",next=get,post=off", json!({ "split": "none" })),
        (",search=off", json!({ "datetime": span })),
        ("", json!({ "max_items": 40 })),
        ("", json!({ "max_items": 41 })),
        (",search=off", json!({ "max_items": 95 })),
    ] {
        let url = format!("{}/stac/300{options}", sandbox.url());
        let config = with(json!({ "url": url, "limit": 10 }), &more);
        sandbox.reset();
        let plain = read(&*build(config.clone())).await;
        let expected = sandbox.stats().urls;
        sandbox.reset();
        let (source, meter) = lenient(config);
        let harvest = read(&*source).await;
        let stats = sandbox.stats();
        assert_eq!(keys(&harvest), keys(&plain), "{options} {more}");
        assert_eq!(
            stats.urls.iter().map(|(url, seen)| (url, seen.requests)).collect::<Vec<_>>(),
            expected.iter().map(|(url, seen)| (url, seen.requests)).collect::<Vec<_>>(),
            "{options} {more}"
        );
        assert!(meter.asked() > 0, "{options} {more}");
        assert_eq!(keys(&read_both(&*source).await), keys(&plain), "{options} {more}");
    }
}

/// A search of three pages, of which `answer` gives the one with that number.
async fn pages(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Script {
    Script::start(move |asked| match asked.path() {
        "/" => Answer::json(json!({
            "type": "Catalog", "id": "x", "conformsTo": [], "links": [{ "rel": "search", "href": "/search" }],
        })),
        _ => answer(asked.target.split("page=").nth(1).map_or(1, |number| number.parse().unwrap())),
    })
    .await
}

fn page(number: usize) -> Answer {
    let next = (number < 3).then(|| json!({ "rel": "next", "href": format!("/search?page={}", number + 1) }));
    Answer::json(json!({
        "type": "FeatureCollection",
        "features": [{ "type": "Feature", "id": format!("{number}"), "collection": "c", "properties": {} }],
        "links": next.into_iter().collect::<Vec<_>>(),
    }))
}

async fn reader(server: &Script) -> Box<dyn Reader> {
    let (source, _) = lenient(json!({ "url": server.url, "split": "none", "datetime": "2024" }));
    let splits = source.plan(&Checkpoint::default()).await.unwrap();
    source.open(&splits[0], None).await.unwrap()
}

fn asked_for(server: &Script, number: usize) -> usize {
    let page = format!("/search?page={number}");
    server.asked().iter().filter(|asked| asked.target == page).count()
}

/// Attends to a reader until the server has been asked for that page.
async fn until_asked(reader: &mut dyn Reader, server: &Script, number: usize) {
    let asked = std::future::poll_fn(|context| {
        reader.attend(context);
        if asked_for(server, number) > 0 {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    });
    tokio::time::timeout(std::time::Duration::from_secs(10), asked).await.expect("it is not asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_asked_for_before_the_one_before_it_is_done_with() {
    let server = pages(page).await;
    let mut reader = reader(&server).await;
    assert!(reader.asks());
    for number in 1..=3 {
        let batch = reader.next().await.unwrap().unwrap();
        assert_eq!((batch.records.len(), batch.done), (1, number == 3));
        assert_eq!(reader.asks(), number == 3, "what is under way asks for nothing more");
        if number < 3 {
            until_asked(&mut *reader, &server, number + 1).await;
        }
    }
    assert!(reader.next().await.unwrap().is_none());
    assert_eq!((asked_for(&server, 2), asked_for(&server, 3)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_error_of_a_page_comes_when_it_is_that_pages_turn() {
    for (status, kind) in
        [(503, ErrorKind::Unavailable), (429, ErrorKind::RateLimited), (304, ErrorKind::Data)]
    {
        let server =
            pages(move |number| if number == 2 { Answer::new(status, &[], "") } else { page(number) }).await;
        let mut reader = reader(&server).await;
        let batch = reader.next().await.unwrap().unwrap();
        assert_eq!(batch.records.len(), 1);
        until_asked(&mut *reader, &server, 2).await;
        assert_eq!(reader.next().await.unwrap_err().kind(), kind);
        assert_eq!(asked_for(&server, 3), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_cannot_be_read_leads_to_no_other() {
    let torn = r#"{"links":[{"rel":"next","href":"/search?page=3"}],"features":["#;
    let server =
        pages(move |number| if number == 2 { Answer::new(200, &[], torn) } else { page(number) }).await;
    let mut reader = reader(&server).await;
    reader.next().await.unwrap();
    assert_eq!(reader.next().await.unwrap_err().kind(), ErrorKind::Data);
    assert_eq!((asked_for(&server, 2), asked_for(&server, 3)), (1, 0));
}
