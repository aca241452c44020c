//! What is counted of the requests to the API.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{Method, StatusCode};

/// The upper bounds of the buckets in seconds; above them is one more. Most answers come from memory.
const BOUNDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 10.0];

/// What is asked for that is no route of the API: the dashboard's pages, and what is not there.
const ELSEWHERE: &str = "(pages)";

/// The methods that are told apart. Clients may send any word.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Any other method.
const OTHER: &str = "(others)";

/// Counts the requests to the API by route: its template, not the path that was asked for, so that there are
/// no more than the API has.
#[derive(Debug, Default)]
pub struct Traffic(Mutex<BTreeMap<String, RouteTraffic>>);

/// What was counted of one route.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteTraffic {
    /// Its requests by method and by the status of the answer.
    pub requests: BTreeMap<(&'static str, u16), u64>,
    counts: [u64; BOUNDS.len() + 1],
    took: Duration,
}

impl Traffic {
    /// What was counted so far, by the templates of the routes.
    pub fn routes(&self) -> BTreeMap<String, RouteTraffic> {
        self.lock().clone()
    }

    /// A request was answered: by a route or by none, after this time. An answer that goes on, as the stream
    /// does, counts as soon as it begins.
    pub(crate) fn answered(&self, route: Option<&str>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or(ELSEWHERE);
        let mut routes = self.lock();
        // Looked for first, so that a template is copied once and not with every request.
        match routes.get_mut(route) {
            Some(counted) => counted.answered(method, status, took),
            None => routes.entry(route.to_owned()).or_default().answered(method, status, took),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, RouteTraffic>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RouteTraffic {
    fn answered(&mut self, method: &Method, status: StatusCode, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER);
        *self.requests.entry((method, status.as_u16())).or_default() += 1;
        self.counts[BOUNDS.partition_point(|bound| *bound < took.as_secs_f64())] += 1;
        self.took += took;
    }

    /// What its answers took together.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// For each bound in seconds, how many answers took no longer; all of them for the last, which is
    /// infinite.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + use<> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((bound, *sum))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let traffic = Traffic::default();
        let (odd, ms) = (Method::from_bytes(b"BREW").unwrap(), Duration::from_millis);
        traffic.answered(Some("/a/{id}"), &Method::GET, StatusCode::OK, ms(1));
        traffic.answered(Some("/a/{id}"), &Method::GET, StatusCode::OK, ms(2));
        traffic.answered(Some("/a/{id}"), &odd, StatusCode::METHOD_NOT_ALLOWED, ms(20_000));
        traffic.answered(None, &Method::GET, StatusCode::NOT_FOUND, ms(1));
        let routes = traffic.routes();
        assert_eq!(routes.keys().collect::<Vec<_>>(), ["(pages)", "/a/{id}"]);
        let of_a = &routes["/a/{id}"];
        assert_eq!(of_a.requests, [(("(others)", 405), 1), (("GET", 200), 2)].into());
        let counts: Vec<u64> = of_a.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
        assert_eq!(of_a.took(), ms(20_003));
    }
}
