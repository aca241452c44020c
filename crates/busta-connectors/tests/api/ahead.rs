//! Pages that are asked for ahead: no other, and no more.

use std::sync::Arc;

use busta_core::Checkpoint;
use busta_testkit::drive::read_all;
use busta_testkit::meter::Lenient;
use serde_json::json;

use crate::common::{build, build_with, one_stream, read_both, sandbox};

#[tokio::test]
async fn the_same_pages_are_asked_for_each_once() {
    let sandbox = sandbox(95).await;
    for (stream, ahead) in [
        (json!({ "path": "/rest/page/orders", "pagination": { "type": "page", "per_page": 10 } }), 9),
        (json!({ "path": "/rest/page/orders", "pagination": { "type": "page", "per_page": 19 } }), 5),
        (json!({ "path": "/rest/offset/orders", "pagination": { "type": "offset", "limit": 10 } }), 9),
        (
            json!({ "path": "/rest/next_url/orders?per_page=10",
                    "pagination": { "type": "next_url", "path": "$.next" } }),
            9,
        ),
        // All of them, if every item gives a record.
        (
            json!({ "path": "/rest/next_url/orders?per_page=10", "max_records": 41,
                    "pagination": { "type": "next_url", "path": "$.next" } }),
            4,
        ),
        (
            json!({ "path": "/rest/next_url/orders?per_page=10", "max_records": 40,
                    "pagination": { "type": "next_url", "path": "$.next" } }),
            3,
        ),
        // Nobody knows how many records the items give.
        (
            json!({ "path": "/rest/next_url/orders?per_page=10", "max_records": 41, "map": ".",
                    "pagination": { "type": "next_url", "path": "$.next" } }),
            0,
        ),
        // The page may end it.
        (
            json!({ "path": "/rest/next_url/orders?per_page=10",
                    "cursor": { "field": "updated_at", "order": "newest_first" },
                    "pagination": { "type": "next_url", "path": "$.next" } }),
            0,
        ),
    ] {
        let mut stream = stream;
        stream["records"] = json!("$.items");
        stream["primary_key"] = json!("id");
        let config = one_stream(&sandbox.url(), stream.clone());
        sandbox.reset();
        let plain = read_all(&*build(config.clone()), &Checkpoint::default()).await.unwrap();
        let expected = sandbox.stats().urls;
        sandbox.reset();
        let meter = Arc::new(Lenient::default());
        let source = build_with(config, meter.clone());
        let harvest = read_all(&*source, &Checkpoint::default()).await.unwrap();
        let urls = sandbox.stats().urls;
        assert_eq!(harvest.records, plain.records, "{stream}");
        assert_eq!(
            urls.iter().map(|(url, seen)| (url, seen.requests)).collect::<Vec<_>>(),
            expected.iter().map(|(url, seen)| (url, seen.requests)).collect::<Vec<_>>(),
            "{stream}"
        );
        assert_eq!(meter.asked(), ahead, "{stream}");
        assert_eq!(read_both(&*source, &Checkpoint::default()).await.records, plain.records, "{stream}");
    }
}
