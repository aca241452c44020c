use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::origin::{check_host, check_origin};
use super::{Pass, Role, TokenHash, TokenSet};
use crate::app::{App, Client};
use crate::problem::Problem;
use crate::routes::SHORT;

/// The stream that a ticket opens.
const STREAM: &str = "/api/v1/activity/stream";
/// Where a ticket is got: by a `POST`, but it lets nobody do more than look.
const TICKET: &str = "/api/v1/activity/ticket";

/// Lets a request pass to the routes, or answers why not.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(pass) => {
            request.extensions_mut().insert(pass);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn check(app: &App, request: &Request) -> Result<Pass, Problem> {
    let address = request.extensions().get::<Client>().map_or(IpAddr::from([0, 0, 0, 0]), |client| client.0);
    // A proxy on this machine speaks for everybody.
    if let Some(rates) = &app.rates
        && !address.is_loopback()
    {
        rates.take(address).map_err(|wait| too_many("requests", wait))?;
    }
    check_length(app, request)?;
    check_query(request)?;
    let tokens = app.tokens.current();
    // Without tokens only this machine is served, also if the last of them was taken back just now.
    if tokens.is_open() && app.loopback {
        check_host(request.headers())?;
        return check_origin(request.method(), request.headers()).map(|()| Pass::Open);
    }
    match required(request.method(), request.uri().path()) {
        None => Ok(Pass::Open),
        Some(role) => authorize(app, &tokens, request, address, role),
    }
}

/// What a request needs. Everything under `/api/` needs a token unless it stands here, so a new route is
/// closed until somebody opens it.
fn required(method: &Method, path: &str) -> Option<Role> {
    let open = ["/api/v1/openapi.json", "/api/v1/docs"];
    if open.contains(&path) || !(path.starts_with("/api/") || path == "/metrics" || SHORT.contains(&path)) {
        return None;
    }
    Some(if method.is_safe() || path == TICKET { Role::Read } else { Role::Operate })
}

fn authorize(
    app: &App,
    tokens: &TokenSet,
    request: &Request,
    address: IpAddr,
    role: Role,
) -> Result<Pass, Problem> {
    match bearer(request).map(|token| (token, tokens.role(token))) {
        Some((token, Some(has))) if has >= role => Ok(Pass::Token(TokenHash::of(token))),
        Some((_, Some(_))) => Err(Problem::new(StatusCode::FORBIDDEN, "this token may only look")
            .hint("use one of the role `operate`: `busta token new --role operate`")),
        Some((_, None)) => Err(refused(app, address, "this token is not valid")),
        None => match ticket(request).map(|ticket| app.tickets.redeem(ticket)) {
            Some(Some(pass)) if pass.holds(tokens) => Ok(pass),
            Some(_) => Err(refused(app, address, "this ticket is unknown, used or expired")),
            None => Err(Problem::new(StatusCode::UNAUTHORIZED, "this needs a token")
                .hint("send it as `Authorization: Bearer TOKEN`")),
        },
    }
}

/// Wrong credentials are counted for each address. Right ones pass even then, so nobody can lock others
/// out from behind the same address.
fn refused(app: &App, address: IpAddr, detail: &str) -> Problem {
    match app.failed_logins.take(address) {
        Ok(()) => Problem::new(StatusCode::UNAUTHORIZED, detail),
        Err(wait) => too_many("wrong tokens", wait),
    }
}

fn too_many(what: &str, wait: Duration) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many {what} from your address"))
        .retry_after(wait)
}

/// The token of `Authorization: Bearer`; an empty text if the header is of another form.
fn bearer(request: &Request) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?;
    let (scheme, token) = value.to_str().ok()?.split_once(' ').unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") { token.trim() } else { "" })
}

fn ticket(request: &Request) -> Option<&str> {
    if request.uri().path() != STREAM {
        return None;
    }
    pairs(request).find(|(name, _)| *name == "ticket").map(|(_, value)| value)
}

/// Addresses are logged, kept in histories and sent on to others: no place for a token.
fn check_query(request: &Request) -> Result<(), Problem> {
    let secrets = ["token", "access_token", "api_key", "apikey", "bearer"];
    match pairs(request).find(|(name, _)| secrets.iter().any(|secret| name.eq_ignore_ascii_case(secret))) {
        Some((name, _)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            format!("a token in the address (`{name}`) is refused"),
        )
        .hint("send it as `Authorization: Bearer TOKEN`, and replace this one: it may have been logged")),
        None => Ok(()),
    }
}

fn pairs(request: &Request) -> impl Iterator<Item = (&str, &str)> {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Refuses a body that says itself that it is too large.
fn check_length(app: &App, request: &Request) -> Result<(), Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > app.limits.body_bytes as u64 => Err(too_large(app.limits.body_bytes)),
        _ => Ok(()),
    }
}

/// The body is larger than `most` bytes.
pub(crate) fn too_large(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("a body may have {most} bytes at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_open_is_closed() {
        let needs = |method: Method, path: &str| required(&method, path);
        for path in ["/", "/health", "/ready", "/assets/x.js", "/api/v1/docs", "/api/v1/openapi.json"] {
            assert_eq!(needs(Method::GET, path), None, "{path}");
        }
        for path in ["/metrics", "/api/v1/overview", "/api/v1/unknown", "/api/", "/api/v1/docs/x"] {
            assert_eq!(needs(Method::GET, path), Some(Role::Read), "{path}");
        }
        assert_eq!(needs(Method::POST, "/api/v1/activity/ticket"), Some(Role::Read));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            assert_eq!(needs(method, "/api/v1/anything"), Some(Role::Operate));
        }
    }
}
