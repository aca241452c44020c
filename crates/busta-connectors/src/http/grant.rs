//! How an OAuth 2 token is asked for.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use url::Url;

/// How an OAuth 2 token is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Grant {
    /// With the client's own id and secret.
    #[default]
    ClientCredentials,
    /// With a user's name and password.
    Password,
    /// With a refresh token.
    RefreshToken,
    /// By an extension grant, which is named by an absolute URI (RFC 6749, 4.5), such as
    /// `https://oauth.reddit.com/grants/installed_client`.
    Extension(String),
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(match name.as_str() {
            "client_credentials" => Self::ClientCredentials,
            "password" => Self::Password,
            "refresh_token" => Self::RefreshToken,
            uri if Url::parse(uri).is_ok() => Self::Extension(name),
            other => {
                let known = "client_credentials, password, refresh_token or the URI of an extension grant";
                return Err(serde::de::Error::custom(format!("unknown grant `{other}`, expected {known}")));
            }
        })
    }
}

impl JsonSchema for Grant {
    fn schema_name() -> Cow<'static, str> {
        "Grant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "enum": ["client_credentials", "password", "refresh_token"] },
                { "type": "string", "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:" }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn grants_are_names_or_uris() {
        let grant = |name: &str| from_value::<Grant>(json!(name));
        assert_eq!(grant("password").unwrap(), Grant::Password);
        for uri in [
            "https://oauth.reddit.com/grants/installed_client",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ] {
            assert_eq!(grant(uri).unwrap(), Grant::Extension(uri.to_owned()));
        }
        let error = grant("client_credential").unwrap_err().to_string();
        assert!(error.contains("client_credentials, password"), "{error}");
    }
}
