//! The APIs that a source reads from: its own, and its `services`.

use std::collections::BTreeMap;

use busta_core::connector::SourceContext;
use http::header::USER_AGENT;
use http::{HeaderName, HeaderValue};
use url::Url;

use super::super::config::ApiConfig;
use super::super::problems::Problems;
use super::super::stream::Service;
use super::super::template::Template;
use super::super::values::Params;
use super::ask::{headers, templates};
use crate::http::{Auth, AuthSettings, HttpClient, KeyPlace};

/// What every stream of a service gets from it.
pub struct Shared {
    /// Its name; the source's own has none.
    pub name: Option<String>,
    pub params: Vec<(String, Template)>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The query parameter of the API key.
    pub key: Option<String>,
    base: Option<Url>,
    auth: Option<Auth>,
}

impl Shared {
    /// The service, ready to be asked; `None` if something is wrong with it.
    pub fn opened(self, context: &SourceContext) -> Option<Service> {
        let client = HttpClient::new(context).with_auth(self.auth?);
        Some(Service { base: self.base?, client })
    }
}

/// The source's own API, and after it its `services`.
pub fn compile(config: &ApiConfig, problems: &mut Problems) -> Vec<Shared> {
    let own = shared(None, &config.base_url, &config.auth, &config.headers, &config.params, problems);
    let mut services = vec![own];
    for (name, service) in &config.services {
        services.push(problems.within("services", None, |problems| {
            problems.within(name, None, |problems| {
                let name = Some(name.clone());
                shared(name, &service.base_url, &service.auth, &service.headers, &service.params, problems)
            })
        }));
    }
    services
}

fn shared(
    name: Option<String>,
    base_url: &str,
    auth: &AuthSettings,
    own_headers: &BTreeMap<String, String>,
    params: &Params,
    problems: &mut Problems,
) -> Shared {
    let base = base(base_url, problems);
    let headers = headers(own_headers, problems);
    let params = templates(params, "params", problems);
    if let Some((name, _)) = params.iter().find(|(_, template)| template.fields().next().is_some()) {
        problems.within("params", None, |p| p.add(name, "placeholders belong into a stream's own `params`"));
    }
    let agent = headers.iter().find(|(name, _)| *name == USER_AGENT).map(|(_, value)| value.clone());
    let auth_of = |base: &Url| {
        let auth = Auth::new(auth, base).map(|auth| auth.introduced_as(agent));
        auth.map_err(|message| problems.add("auth", message)).ok()
    };
    let key = match auth {
        AuthSettings::ApiKey { name, place: KeyPlace::Query, .. } => Some(name.clone()),
        _ => None,
    };
    Shared { auth: base.as_ref().and_then(auth_of), name, params, headers, key, base }
}

fn base(text: &str, problems: &mut Problems) -> Option<Url> {
    let wrong = match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() => {
            "must start with http:// or https:// and a host".to_owned()
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "must not hold a user name or password; use `auth: { type: basic, … }`".to_owned()
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "must not have a query; use `params`".to_owned()
        }
        Ok(url) => return Some(url),
        Err(error) => format!("is no URL: {error}; expected something like https://shop.example/api"),
    };
    problems.add("base_url", wrong);
    None
}
