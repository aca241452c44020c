//! The dashboard's pages, built or not.

use crate::support::Server;

#[tokio::test]
async fn paths_of_the_dashboard_begin_it() {
    let server = Server::open().await;
    let index = server.get("/").await;
    assert_eq!(index.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(index.header("cache-control"), Some("no-cache"));
    assert!(index.text().contains("busta"), "{}", index.text());
    for path in
        ["/index.html", "/runs/R1", "/sources", "/a/b/c?d=e", "/..%2f..%2fetc%2fpasswd", "//etc/passwd"]
    {
        let page = server.get(path).await;
        assert_eq!((page.status, page.text()), (200, index.text()), "{path}");
    }
}
