//! Reddit's stand-in through HTTP: what it serves is what its world holds, and it refuses as Reddit does.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test may fail so")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use busta_sandbox::{
    CLIENT_ID, CLIENT_SECRET, PASSWORD, REDDIT_INSTALLED_CLIENT, Recording, RedditWorld, Sandbox,
    SandboxConfig, USERNAME,
};
use common::{client, start};
use reqwest::Response;
use serde_json::{Value, json};

const AGENT: &str = "linux:busta-tests:0.1 (by /u/sandbox)";

/// A world, and a token for it.
struct Api {
    sandbox: Sandbox,
    base: String,
    world: RedditWorld,
    token: String,
}

impl Api {
    async fn new(world: &str) -> Self {
        let sandbox = start(SandboxConfig::default()).await;
        let base = format!("{}/reddit/{world}", sandbox.url());
        let answer = token(&base, &[("grant_type", "client_credentials")]).await;
        let token = json_of(answer).await["access_token"].as_str().unwrap_or_default().to_owned();
        Self { world: world.parse().unwrap(), base, token, sandbox }
    }

    async fn send(&self, path: &str) -> Response {
        let request = client().get(format!("{}{path}", self.base)).header("user-agent", AGENT);
        request.bearer_auth(&self.token).send().await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.send(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        json_of(answer).await
    }

    /// All items of a listing, page by page.
    async fn walk(&self, path: &str, limit: u64) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("{path}?limit={limit}&raw_json=1&count={}{after}", all.len())).await;
            assert_eq!(page["kind"], "Listing");
            let children = page["data"]["children"].as_array().unwrap();
            assert_eq!(page["data"]["dist"], children.len());
            all.extend(children.iter().map(|child| child["data"].clone()));
            let Some(next) = page["data"]["after"].as_str() else { return all };
            after = format!("&after={next}");
        }
    }

    /// All comments of a post, with everything that `more` stands for.
    async fn comments(&self, id: &str, limit: u64) -> (Vec<Value>, u64) {
        let page = self.get(&format!("/comments/{id}?limit={limit}&raw_json=1")).await;
        assert_eq!(page[0]["data"]["children"][0]["data"]["id"], id);
        let (mut found, mut open, mut requests) = (Vec::new(), Vec::new(), 0);
        flatten(&page[1], &mut found, &mut open);
        while let Some(more) = open.pop() {
            if more["count"] == 0 {
                continue;
            }
            let children: Vec<&str> =
                more["children"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            let link = format!("t3_{id}");
            let form = [("api_type", "json"), ("link_id", &link), ("children", &children.join(","))];
            let request = client().post(format!("{}/api/morechildren?raw_json=1", self.base)).form(&form);
            let answer = request.header("user-agent", AGENT).bearer_auth(&self.token).send().await.unwrap();
            let answer = json_of(answer).await;
            assert_eq!(answer["json"]["errors"], json!([]));
            for thing in answer["json"]["data"]["things"].as_array().unwrap() {
                match thing["kind"].as_str() {
                    Some("t1") => {
                        assert_eq!(thing["data"]["replies"], "");
                        found.push(thing["data"].clone());
                    }
                    _ => open.push(thing["data"].clone()),
                }
            }
            requests += 1;
        }
        (found, requests)
    }
}

/// The comments of a listing and the `more` among them, wherever they are.
fn flatten(listing: &Value, found: &mut Vec<Value>, open: &mut Vec<Value>) {
    for child in listing["data"]["children"].as_array().unwrap() {
        let mut data = child["data"].clone();
        if child["kind"] == "more" {
            open.push(data);
            continue;
        }
        if data["replies"] != "" {
            flatten(&data["replies"], found, open);
            data["replies"] = "".into();
        }
        found.push(data);
    }
}

async fn json_of(answer: Response) -> Value {
    answer.json().await.unwrap()
}

async fn token(base: &str, form: &[(&str, &str)]) -> Response {
    token_as(base, form, CLIENT_ID, CLIENT_SECRET).await
}

async fn token_as(base: &str, form: &[(&str, &str)], id: &str, secret: &str) -> Response {
    let request =
        client().post(format!("{base}/api/v1/access_token")).form(form).basic_auth(id, Some(secret));
    request.header("user-agent", AGENT).send().await.unwrap()
}

fn by_id(things: impl IntoIterator<Item = Value>) -> BTreeMap<String, Value> {
    things.into_iter().map(|thing| (thing["id"].as_str().unwrap().to_owned(), thing)).collect()
}

fn header(answer: &Response, name: &str) -> String {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_listing_ends_after_a_thousand_posts() {
    let api = Api::new("subreddits=rust+books,posts=1234,comments=0").await;
    let truth: Vec<Value> =
        api.world.posts_of("rust", 0).into_iter().map(|post| serde_json::to_value(post).unwrap()).collect();
    let found = api.walk("/r/RUST/new", 100).await;
    assert_eq!(found.len(), 1000);
    assert_eq!(found, truth[..1000]);
    // Pages of another size, in another listing, hold each post once.
    let top = api.walk("/r/rust/top.json", 33).await;
    let day: BTreeSet<&str> = truth
        .iter()
        .filter(|post| api.world.start - (post["created_utc"].as_f64().unwrap() as i64) <= 86_400)
        .map(|post| post["id"].as_str().unwrap())
        .collect();
    assert_eq!(by_id(top.clone()).keys().map(String::as_str).collect::<BTreeSet<_>>(), day);
    assert!(top.windows(2).all(|pair| pair[0]["score"].as_i64() >= pair[1]["score"].as_i64()));
    assert!(api.walk("/r/rust/rising", 10).await.len() <= 25);
}

#[tokio::test]
async fn hot_begins_with_pinned_posts_above_its_limit() {
    let api = Api::new("posts=60").await;
    let page = api.get("/r/science/hot?limit=10").await;
    let children = page["data"]["children"].as_array().unwrap();
    assert_eq!(children.len(), 12);
    assert!(children[..2].iter().all(|child| child["data"]["stickied"] == true));
    assert_eq!(page["data"]["after"], children[11]["data"]["name"]);
    assert_eq!(by_id(api.walk("/r/science/hot", 25).await).len(), 60);
    let after = page["data"]["after"].as_str().unwrap();
    let back = api.get(&format!("/r/science/hot?limit=10&count=11&after={after}")).await;
    assert!(back["data"]["before"].is_string());
}

#[tokio::test]
async fn trees_are_complete_with_what_more_stands_for() {
    let api = Api::new("subreddits=2,posts=2,comments=700").await;
    for post in api.world.posts_of("technology", 0) {
        let truth = api.world.comments_of(&post.id, 0).into_iter().map(|c| serde_json::to_value(c).unwrap());
        let truth = by_id(truth);
        for limit in [500, 50] {
            let (found, requests) = api.comments(&post.id, limit).await;
            assert_eq!(found.len(), 700, "each comes once");
            assert_eq!(by_id(found), truth);
            assert!(requests > 2);
        }
    }
}

#[tokio::test]
async fn deep_threads_go_on_elsewhere() {
    let api = Api::new("posts=1,comments=400,nesting=16").await;
    let id = api.world.posts_of("rust", 0)[0].id.clone();
    let truth = api.world.comments_of(&id, 0);
    let (found, _) = api.comments(&id, 500).await;
    let shallow: BTreeSet<&str> =
        truth.iter().filter(|comment| comment.depth < 10).map(|comment| comment.id.as_str()).collect();
    assert!(shallow.len() < truth.len());
    assert_eq!(by_id(found).keys().map(String::as_str).collect::<BTreeSet<_>>(), shallow);
    let page = api.get(&format!("/comments/{id}?limit=500")).await;
    let (mut all, mut open) = (Vec::new(), Vec::new());
    flatten(&page[1], &mut all, &mut open);
    let on = open.iter().find(|more| more["id"] == "_").unwrap();
    assert_eq!((&on["count"], &on["children"], &on["name"]), (&json!(0), &json!([]), &json!("t1__")));
    let parent = on["parent_id"].as_str().unwrap().trim_start_matches("t1_");
    let part = api.get(&format!("/comments/{id}/_/{parent}")).await;
    let first = &part[1]["data"]["children"][0]["data"];
    assert_eq!((&first["id"], &first["depth"]), (&json!(parent), &json!(0)));
    assert_eq!(first["replies"]["data"]["children"][0]["data"]["depth"], 1);
}

#[tokio::test]
async fn time_brings_new_and_edited_posts() {
    let api = Api::new("subreddits=books,posts=400,new=40,comments=3").await;
    let before = by_id(api.walk("/r/books/new", 100).await);
    api.sandbox.advance_reddit(2);
    let lever = format!("{}/_sandbox/advance?reddit=1", api.sandbox.url());
    assert_eq!(client().post(lever).send().await.unwrap().status(), 200);
    let after = by_id(api.walk("/r/books/new", 100).await);
    assert_eq!(after.len(), before.len() + 120);
    let edited = before.iter().filter(|(id, post)| after[*id]["edited"] != post["edited"]).count();
    assert!(edited > 0);
    let grown = before.iter().filter(|(id, post)| after[*id]["num_comments"] != post["num_comments"]).count();
    assert_eq!(grown, before.len());
    let truth =
        by_id(api.world.posts_of("books", 3).into_iter().map(|post| serde_json::to_value(post).unwrap()));
    assert_eq!(after, truth);
    api.sandbox.reset();
    assert_eq!(api.send("/r/books/new").await.status(), 401, "tokens are forgotten as well");
}

#[tokio::test]
async fn texts_are_escaped_unless_asked_otherwise() {
    let api = Api::new("posts=200,comments=0").await;
    let truth = api.world.posts_of("rust", 0);
    let post = truth.iter().position(|post| post.title.contains('&')).unwrap();
    let path = format!("/comments/{}", truth[post].id);
    let title = |page: &Value| page[0]["data"]["children"][0]["data"]["title"].as_str().unwrap().to_owned();
    assert_eq!(title(&api.get(&format!("{path}?raw_json=1")).await), truth[post].title);
    assert_eq!(title(&api.get(&path).await), truth[post].title.replace('&', "&amp;"));
    assert_eq!(api.get(&path).await[1]["data"]["children"], json!([]));
}

#[tokio::test]
async fn closed_subreddits_say_why() {
    let api = Api::new("default").await;
    for (name, status, reason) in [
        ("private_club", 403, json!("private")),
        ("quarantined_den", 403, json!("quarantined")),
        ("banned_place", 404, json!("banned")),
    ] {
        for path in [format!("/r/{name}/new"), format!("/r/{name}/about")] {
            let answer = api.send(&path).await;
            assert_eq!(answer.status(), status);
            let body = json_of(answer).await;
            assert_eq!((&body["reason"], &body["error"]), (&reason, &json!(status)), "{path}");
        }
    }
    let nowhere = api.send("/r/nosuchname/new").await;
    assert_eq!(nowhere.status(), 302);
    assert!(header(&nowhere, "location").ends_with("/subreddits/search?q=nosuchname"));
    let found = api.get("/subreddits/search?q=nosuchname").await;
    assert_eq!((&found["data"]["dist"], &found["data"]["children"][0]["kind"]), (&json!(3), &json!("t5")));
    let gone = api.send("/comments/zzzz").await;
    assert_eq!((gone.status().as_u16(), json_of(gone).await["message"].clone()), (404, json!("Not Found")));
    let about = api.get("/r/science/about").await;
    assert_eq!((&about["kind"], &about["data"]["display_name"]), (&json!("t5"), &json!("science")));
}

#[tokio::test]
async fn grants_are_given_and_refused_as_reddit_does() {
    let api = Api::new("expires=0").await;
    assert_eq!(api.send("/r/rust/new").await.status(), 401, "a token that has expired");
    let base = format!("{}/reddit/default", api.sandbox.url());
    let password = [("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD)];
    let answer = json_of(token(&base, &password).await).await;
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("bearer"), &json!(86_400)));
    let wrong = token(&base, &[("grant_type", "password"), ("username", USERNAME), ("password", "x")]).await;
    assert_eq!((wrong.status().as_u16(), json_of(wrong).await), (200, json!({"error": "invalid_grant"})));
    let none = token(&base, &[("grant_type", "magic")]).await;
    assert_eq!(json_of(none).await, json!({"error": "unsupported_grant_type"}));
    let stranger = token_as(&base, &password, CLIENT_ID, "wrong").await;
    assert_eq!(stranger.status(), 401);
    assert_eq!(json_of(stranger).await, json!({"message": "Unauthorized", "error": 401}));
    let device = [
        ("grant_type", "https://oauth.reddit.com/grants/installed_client"),
        ("device_id", "DO_NOT_TRACK_THIS_DEVICE"),
    ];
    let answer = json_of(token_as(&base, &device, REDDIT_INSTALLED_CLIENT, "").await).await;
    assert_eq!(answer["device_id"], "DO_NOT_TRACK_THIS_DEVICE");
    assert!(answer["access_token"].is_string());
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let api = Api::new("limit=3:1h").await;
    for (used, left) in [("1", "2.0"), ("2", "1.0"), ("3", "0.0")] {
        let answer = api.send("/r/rust/new").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "x-ratelimit-used"), used);
        assert_eq!(header(&answer, "x-ratelimit-remaining"), left);
        assert!(header(&answer, "x-ratelimit-reset").parse::<u64>().unwrap() > 3500);
    }
    let over = api.send("/r/rust/new").await;
    assert_eq!((over.status().as_u16(), header(&over, "x-ratelimit-remaining")), (429, "0.0".to_owned()));
    assert_eq!(json_of(over).await, json!({"message": "Too Many Requests", "error": 429}));
}

#[tokio::test]
async fn senders_must_name_themselves() {
    let api = Api::new("default").await;
    let url = format!("{}/r/rust/new", api.base);
    for agent in [None, Some("python-requests/2.31.0"), Some("curl/8.5.0")] {
        let mut request = client().get(&url).bearer_auth(&api.token);
        if let Some(agent) = agent {
            request = request.header("user-agent", agent);
        }
        assert_eq!(request.send().await.unwrap().status(), 429, "{agent:?}");
    }
    let open = format!("{}/reddit/agents=off,auth=off/r/rust/new", api.sandbox.url());
    assert_eq!(client().get(open).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_recording_is_served_again() {
    let sandbox = start(SandboxConfig::default()).await;
    let cassette = json!({ "interactions": [{
        "request": { "method": "POST", "uri": "https://api.example/more/?raw=1", "body": "ids=a%2Cb&link=t3_x" },
        "response": {
            "status": { "code": 403 }, "headers": { "X-Ratelimit-Used": ["7"], "Date": ["Wed"] },
            "body": { "string": "{\"error\": 403}" },
        },
    }]});
    let recording = Recording::cassette(cassette.to_string().as_bytes()).unwrap();
    sandbox.replay("x", recording.ignoring(&["raw"]));
    let post = |ids: &str| {
        let url = format!("{}/replay/x/more", sandbox.url());
        client().post(url).form(&[("link", "t3_x"), ("ids", ids)]).send()
    };
    let answer = post("a,b").await.unwrap();
    assert_eq!((answer.status().as_u16(), header(&answer, "x-ratelimit-used")), (403, "7".to_owned()));
    assert_eq!(json_of(answer).await, json!({ "error": 403 }));
    let other = post("a").await.unwrap();
    assert_eq!((other.status().as_u16(), json_of(other).await["params"]["ids"].clone()), (404, json!("a")));
}
