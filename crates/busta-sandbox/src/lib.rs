//! A local origin that speaks the real wire formats, with latency, limits and faults. The demo, the
//! tests and the benches collect from it, and it is the judge of whether limits were kept.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use busta_sandbox::{Sandbox, SandboxConfig};
//!
//! let sandbox = Sandbox::start(SandboxConfig { records: 250, ..Default::default() }).await.unwrap();
//! let base_url = format!("{}/with/latency=5ms,fail=500:first:1", sandbox.url());
//! // ... collect from {base_url}/rest/page/orders?per_page=100 ...
//! assert_eq!(sandbox.stats().route("/rest/page/orders").max_in_flight, 0);
//! # });
//! ```
//!
//! # Records
//!
//! Every stream name exists. Record `index` (from 0) has `id` = index + 1 and is made of the seed, the
//! name and the index alone ([`Sandbox::record`]): `id, name, email, amount, quantity, paid, status,
//! customer{id, city, country, geo{lat, lon}}, tags[], note, revision, created_at, updated_at`, about
//! 0.5 KB. Record `index` was made at 2024-01-01T00:00Z plus `index` minutes; records that
//! [`Sandbox::advance`] adds or changes have later times than all before, each its own.
//!
//! # REST
//!
//! | route | page parameters | answer |
//! | --- | --- | --- |
//! | `/rest/page/{stream}` | `page` (from 1, or from `first=0`), `per_page` | `{"items": [..], "page", "per_page", "pages", "total"}`, headers `X-Total-Count`, `X-Total-Pages` |
//! | `/rest/offset/{stream}` | `offset`, `limit` | `{"items": [..], "offset", "limit", "total"}`, the same headers |
//! | `/rest/cursor/{stream}` | `cursor`, `limit` | `{"items": [..], "next_cursor": "..." or null, "has_more"}`, header `X-Next-Cursor` |
//! | `/rest/next_url/{stream}` | `page`, `per_page` | `{"items": [..], "next": url or null}` |
//! | `/rest/link/{stream}` | `page`, `per_page` | a bare array, header `Link` with `prev`, `next`, `first`, `last` |
//! | `/rest/none/{stream}` | | a bare array of everything |
//! | `/rest/{kind}/{stream}/{id}` | | one record, or 404 |
//! | `/rest/{kind}/{stream}/{id}/lines` | as the kind | `id % 5` lines: `{order_id, line, sku, product, quantity, price}` (the first field is the stream's name less its `s`, and `_id`) |
//!
//! For all of them: `size=250` sets the number of records; `since=2024-01-02T00:00:00Z` (also a date or
//! Unix seconds) leaves out what was updated before it; `total=hide` hides totals (and shows `has_more`
//! instead), and `first` and `last` links; `form=relative` makes next URLs and links relative; `etag=1` adds an
//! `ETag` and answers 304 to its `If-None-Match`. Pages hold 100 records unless asked otherwise, 10,000
//! at most. `POST` takes the same parameters in a JSON object (those of the query win).
//!
//! # Prefixes
//!
//! Any of these may stand before any route, in any order:
//!
//! - `/with/{profile}`: how it behaves: `latency=50ms,jitter=10ms,rate=10:1s,fail=500:every:7`. See
//!   [`Profile`] for all keys and [`FaultKind`] for all faults. Requests that share the prefixes, letter
//!   for letter, share the rate limit, the cap on concurrency and the counts of `every` and `after`;
//!   `first:N` counts for each method, URL and body.
//! - `/as/{name}`: counts as a group of this name, and keeps limits apart from those of other names.
//! - `/auth/{scheme}`: asks for credentials: `bearer` ([`BEARER_TOKEN`]; [`FORBIDDEN_TOKEN`] gives 403),
//!   `basic` ([`USERNAME`], [`PASSWORD`]), `key-header` ([`API_KEY`] in [`API_KEY_HEADER`]), `key-query`
//!   ([`API_KEY`] in [`API_KEY_PARAM`]), `oauth` (a live access token from `/oauth/token`).
//!
//! # OAuth2
//!
//! `POST /oauth/token` with a form (or JSON): grants `client_credentials`, `password` ([`USERNAME`],
//! [`PASSWORD`]) and `refresh_token` ([`REFRESH_TOKEN`] or one it gave), the client ([`CLIENT_ID`],
//! [`CLIENT_SECRET`]) by Basic authentication or in the body. In the query: `expires_in=2` (seconds),
//! `uses=5` (the token is refused after 5 requests), `rotate=1` (a refresh token works once).
//!
//! # Feeds
//!
//! `/feeds/{format}/{name}` with the formats `rss091`, `rss092`, `rss2`, `rdf`, `atom` and `json`. Every
//! name exists. `entries=20` sets how many of its newest entries a feed shows; `broken=` takes
//! `ampersand`, `html_title`, `cut`, `latin1`, `latin1_undeclared`, `wrong_charset` or `no_guid`. `ETag`
//! and `Last-Modified` change when the feed is advanced; `If-None-Match` and `If-Modified-Since` get 304.
//! `/opml?feeds=500` lists as many feeds, of all formats in turn.
//!
//! # Objects
//!
//! `GET` or `HEAD /objects/{name}`, where a name may have slashes: `size=1048576` bytes, pseudo-random,
//! drawn from `seed` (the name unless given) and `version=0` alone ([`Object`] says what they are). There
//! are a strong `ETag` (`etag=weak` or `off` for others), `Last-Modified`, `Content-Length` and
//! `Accept-Ranges`; one `Range` gives 206 with `Content-Range` or 416, `If-Range` and the other conditions
//! of RFC 9110 hold. The profile's `ranges=off` and `changes=1` and the faults `truncate`, `corrupt` and
//! `slow` are made for them.
//!
//! # STAC
//!
//! `/stac/{world}` is the landing page of a STAC API 1.0.0. A world is a number of items and options, with
//! commas between them: `80000`, `default` (the same), `1000,matched=off,next=merge`. Items are computed from
//! the world's seed and their index alone ([`StacWorld`], which also writes them into files); their assets lie under `/objects`, before which all
//! prefixes of the request stand, and `file:checksum` is true.
//!
//! | option | meaning |
//! | --- | --- |
//! | `broken=7` | so many items have no id, an id that is a number, or other parts that are missing or wrong |
//! | `matched=off` | no `numberMatched`; `matched=context` has the older object `context` instead |
//! | `returned=off` | no `numberReturned` |
//! | `next=merge` | the next link of a POST has `merge: true` and only the token; `headers` has it in the header `X-Next-Token`; `get` is a GET with all in its URL; `body` (default) has the whole body |
//! | `post=off` | searches only by GET |
//! | `search=off` | no `/search`, only `/collections/{id}/items` |
//! | `filter=off`, `query=off`, `sort=off`, `fields=off` | the extension is not there, its parameters are ignored |
//! | `max_limit=100` | no page is larger, whatever is asked for (default 1000) |
//! | `asset=1000000` | the size of the largest assets (default 65536); others have 1/2 to 1/32 of it |
//! | `seed=7` | other items |
//!
//! Behind it: `/conformance`, `/api`, `/queryables`, `/collections`, `/collections/{id}`,
//! `/collections/{id}/queryables`, `/collections/{id}/items`, `/collections/{id}/items/{item}` and `/search`
//! by GET and POST, with `limit` (default 10), `token`, `ids`, `collections`, `bbox` (4 or 6 numbers, also
//! across the antimeridian), `datetime` (RFC 3339; what has an interval of its own must overlap),
//! `intersects`, `query` (`eq neq lt lte gt gte in startsWith endsWith contains`), `filter` (CQL2 as JSON:
//! `and or not = <> < <= > >= between in like isNull s_intersects t_after t_before t_during t_equals
//! t_intersects`), `filter-lang` (only `cql2-json`), `fields` and `sortby`. In a GET, lists have commas and
//! `intersects`, `query` and `filter` are JSON. The newest items come first; where times are equal, those with
//! the higher index. Geometries are compared by their boxes.
//!
//! There are five collections (one is empty), dense weeks and empty months, 1 of 50 items at one instant, some
//! exactly when a month begins, and a collection whose items have `datetime: null` and an interval.
//!
//! `/stac-static/{world}/catalog.json` is a static catalogue of the same items (of the options, `broken`,
//! `asset` and `seed` count): `{collection}/collection.json`, `{collection}/{block}/catalog.json` for each 100
//! items, `{collection}/{block}/{item}.json`; the items of `landsat-c2-l2` lie beside its collection. Every
//! second link is absolute. One collection links to the root as its child, the root to an item that is not
//! there (`gone.json`), and the first item of each block is linked twice. All have an `ETag`.
//!
//! # Archives
//!
//! `/archive/{world}` is a repository of files as exchanges publish them, and the bucket that S3 would list. A
//! world is a list of options with commas between them: `symbols=BTCUSDT+ETHUSDT,from=2024-01-01,to=2024-03-31`, or
//! `default`. [`ArchiveWorld`] says what is in it: the paths, the bytes, the rows.
//!
//! | option | meaning |
//! | --- | --- |
//! | `binance` (default) | `data/{spot,futures/um,futures/cm}/{daily,monthly}/klines/{S}/{I}/{S}-{I}-{date}.zip`, and `.../trades/{S}/{S}-trades-{date}.zip` |
//! | `bybit` | `trading/{S}/{S}{date}.csv.gz` with a header, times in seconds with a fraction, no checksums |
//! | `symbols=2` | so many symbols (`BTCUSDT`, `ETHUSDT`, ...), or their names with `+` between them |
//! | `markets=spot+um`, `types=klines+trades+aggTrades` | of `spot`, `um` and `cm`; these are all types |
//! | `intervals=1h` | of klines, from `1s` (daily only) to `1d` |
//! | `from=2024-01-01`, `to=2024-01-31` | the first and the last day |
//! | `periods=daily+monthly` | months are there if they lie between these days as a whole |
//! | `rows=100` | the rows of a day of trades; more than 50,000 in a file, and it costs next to nothing to make |
//! | `size=50MB` | about so large are files of trades (daily ones, above all) instead; 1 GB at most |
//! | `members=3`, `macosx=on` | the rows lie in several members of a zip; there is a `__MACOSX` member behind them |
//! | `checksums=checksum` | `{file}.CHECKSUM`: digits, two blanks, name; or `sha256` (`{file}.sha256`, bare), `md5` (`{file}.md5`), `sums` (a `SHA256SUMS` in each folder), `off` |
//! | `etag=md5` | as S3 has it; or `multipart` (`...-2`), `off` |
//! | `listing=off` | 403 for S3's listings |
//! | `missing=403` | 403 instead of 404 for what is not there, as S3 answers who may not list |
//! | `index=nginx` | folders are index pages (`apache`, `apache_table`, `nginx`, `nginx_json`, `python`) instead of S3's listings |
//! | `gone=...` | these files were never published |
//! | `no_checksum=...` | they have no side file |
//! | `wrong_checksum=...` | their side file is always wrong |
//! | `late_checksum=...`, `late=1` | their side file is wrong for its first so many GETs, and then right |
//! | `bad_crc=...` | the archive is damaged inside, and its side file vouches for it |
//! | `dated=on` | files of days lie in folders of their year and month |
//! | `shuffled=...` | the rows, if they are few, do not stand in the order of their time |
//!
//! The last five choose files by parts of their paths, with `+` between them (`gone=2024-01-03+ETHUSDT`), or `all`.
//!
//! Rows are computed from the symbol and the time alone, so a month is what its days are. Times are milliseconds,
//! and microseconds for spot from 2025 on; spot has no header, USD-M futures have one since July 2022, COIN-M
//! always. Files have `ETag`, `Last-Modified` (02:17:05 on the day behind their period), ranges and conditions as
//! [objects](#objects) have them, and profiles do the same to them: `changes=1` gives a file new rows (and its
//! side file new digits) from the second request of its URL on. A profile for single files goes by their path:
//! [`Sandbox::set_profile`].
//!
//! The root answers `ListObjects` and, with `list-type=2`, `ListObjectsV2`: `prefix`, `delimiter`, `max-keys`,
//! `marker`, `continuation-token`, `start-after`, `encoding-type=url`. Errors are XML documents. At the root lie
//! manifests of all files: `manifest.txt` (paths), `urls.txt`, `manifest.sha256` (as `sha256sum` writes it),
//! `manifest.csv`, `manifest.jsonl`, `manifest.json`.
//!
//! The judge counts `/archive/files`, `/archive/checksums` and `/archive/listings` as groups of their own.
//!
//! # Reddit
//!
//! `/reddit/{world}` is Reddit's API with its token endpoint, `/api/v1/access_token`. A world is a list of options:
//! `subreddits=14,posts=50,comments=300`, or `default`. It is made when it is asked for, whatever its size, and
//! [`RedditWorld`] says what is in it. All worlds have a clock of their own; a step brings new posts and comments,
//! other scores, and edits of what was there.
//!
//! | option | meaning |
//! | --- | --- |
//! | `subreddits=14` | so many, or their names with `+` between them |
//! | `posts=50`, `new=5` | how many posts a subreddit has at the start, and gets in a step |
//! | `comments=20`, `later=2` | how many comments a post has at first, and gets in each of the next four steps |
//! | `nesting=8` | how deep comments lie in one another; what is deeper than 10 has a page of its own |
//! | `start=2024-06-01T12:00:00Z`, `step=30m` | what the time is (also Unix seconds, or `now`), and how long a step is |
//! | `tick=30s` | a step happens by itself after so much real time |
//! | `limit=100:60s` | so many requests in a window, of `X-Ratelimit-Used`, `-Remaining` and `-Reset`; above it 429 |
//! | `expires=86400` | how long tokens live, in seconds |
//! | `agents=off`, `auth=off` | requests need no `User-Agent` (a library's own name is none), no token |
//! | `seed=7` | other posts |
//!
//! `/r/{subreddit}/{new,hot,top,rising}` with `limit` (25, at most 100), `after`, `before`, `count`, `t`: a thousand
//! posts at most; `hot` has two pinned ones above its limit. `/comments/{id}`, `/comments/{id}/_/{comment}` with
//! `limit` (200, at most 500) and `depth`; `/api/morechildren` (`link_id`, `children`, `limit_children`), a hundred
//! comments in an answer; `/r/{subreddit}/about`. `raw_json=1` sends texts unescaped. Posts and comments may be
//! edited, deleted or removed (unlike Reddit's, such posts stay in listings), and posts repeat others. Subreddits
//! whose names begin with `private_`, `quarantined_` and `banned_` are so; others that the world does not have lead
//! to a search, which finds others.
//!
//! The grants are `client_credentials` and `password` ([`CLIENT_ID`], [`CLIENT_SECRET`], [`USERNAME`],
//! [`PASSWORD`]), and that of installed clients ([`REDDIT_INSTALLED_CLIENT`], no secret, `device_id` of 20 to 30
//! characters).
//!
//! # Markets
//!
//! `/amazon/{world}` and `/ebay/{world}` with the same options are two sides of one market ([`MarketWorld`]): what
//! the one sells, the other's sellers list, under much the same titles, at 60 to 140 % of the price. Most listings
//! are new, free to send and in the United States, and some are not. Sellers spell their names in seven ways.
//!
//! | option | meaning |
//! | --- | --- |
//! | `products=100` | so many in each of 14 leaves of the tree of categories |
//! | `listings=12` | so many of a product, on average |
//! | `sellers=200` | so many sellers, few of whom offer much |
//! | `calls=5000` | after so many calls (of each side) there are no more until a reset |
//! | `expires=7200`, `auth=off` | how long tokens live, in seconds; none are needed |
//! | `seed=7` | another market |
//!
//! eBay: `POST /identity/v1/oauth2/token`; `GET /buy/browse/v1/item_summary/search` with `q`, `category_ids`,
//! `filter` (`price`, `priceCurrency`, `conditions`, `conditionIds`, `maxDeliveryCost:0`, `itemLocationCountry`,
//! `buyingOptions`, `sellers`, `excludeSellers`), `sort`, `limit` (50, at most 200) and `offset`, a multiple of it
//! below 10,000; the header `X-EBAY-C-MARKETPLACE-ID`. Errors and warnings have their documented numbers.
//!
//! Amazon, in two styles: the Creators API (`POST /auth/o2/token`, `/catalog/v1/searchItems`,
//! `/catalog/v1/getBrowseNodes`, header `x-marketplace`), and a scraping service with [`API_KEY`] in `api_key`
//! (`GET /request?type=bestsellers&category_id=172541&page=1`, also `category` and `search` with `search_term`;
//! `/categories?parent_id=172282`). Lists of best sellers have a hundred products on two pages.
//!
//! # Recordings
//!
//! `/replay/{name}` serves a recorded conversation ([`Sandbox::replay`]): a request gets what was answered to the
//! same method, path, query and form. [`Recording`] reads cassettes.
//!
//! # Others
//!
//! `/status/{code}` always answers so; `/echo/...` answers with the request as JSON.
//!
//! With [`SandboxConfig::hosts`] it listens on several ports ([`Sandbox::urls`]): hosts of their own to
//! a client that keeps limits and breakers by host, and groups of their own to the judge.
//!
//! # Control (not counted)
//!
//! - `GET /_sandbox` is a page for people, `GET /_sandbox/stats` is [`Stats`] as JSON.
//! - `POST /_sandbox/reset` forgets what was seen, the limits' counts, the tokens and all advances.
//! - `POST /_sandbox/advance?stream=orders&add=10&update=5`, `POST /_sandbox/advance?feed=news&add=3`.
//! - `POST /_sandbox/republish?path=2024-01-05` gives the archives' files whose paths hold this new rows and a
//!   later date, `POST /_sandbox/advance?archive_days=1` lets all archives end a day later.
//! - `POST /_sandbox/advance?reddit=1`, `POST /_sandbox/advance?market=1`: these worlds go on by so many steps.
//! - `POST /_sandbox/profile?prefix=/rest/page&with=latency=5ms` changes how routes under a path behave.

mod app;
mod archive;
mod auth;
mod behave;
mod body;
mod config;
mod control;
mod data;
mod dataset;
mod demo;
mod fault;
mod feeds;
mod gzip;
mod market;
mod oauth;
mod objects;
mod options;
mod params;
mod plain;
mod profile;
mod reddit;
mod replay;
mod reply;
mod rest;
mod route;
mod scope;
mod server;
mod socket;
mod stac;
mod stats;

pub use archive::ArchiveWorld;
pub use auth::{API_KEY, API_KEY_HEADER, API_KEY_PARAM, BEARER_TOKEN, FORBIDDEN_TOKEN, PASSWORD, USERNAME};
pub use config::SandboxConfig;
pub use demo::{DEMO_HOSTS, demo_config, write_demo_files};
pub use fault::{Fault, FaultKind, When};
pub use feeds::FeedEntry;
pub use market::{MarketListing, MarketProduct, MarketWorld};
pub use oauth::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN};
pub use objects::Object;
pub use profile::{Profile, RateLimit, RetryAfter};
pub use reddit::{REDDIT_INSTALLED_CLIENT, RedditComment, RedditPost, RedditWorld};
pub use replay::{Answered, Asked, Recording};
pub use server::Sandbox;
pub use stac::StacWorld;
pub use stats::{Fetches, Stats, Tally};
