use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::IntoResponse;
use busta_core::Result;
use bytes::Bytes;
use futures_util::stream;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use super::Answer;
use crate::app::App;
use crate::encode::Encoder;
use crate::input::{Name, Params};
use crate::model::ExportFormat;
use crate::problem::Problem;
use crate::service::RecordScan;

/// How to export.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ExportQuery {
    /// The form; a line per record if none is named.
    #[param(inline)]
    format: Option<ExportFormat>,
}

/// A whole table as a file
///
/// From a consistent view, streamed. If it cannot be read to its end, the connection breaks off, so that a
/// part is never taken for the whole.
#[utoipa::path(
    get,
    path = "/api/v1/datasets/{name}/export",
    tag = "data",
    params(("name" = String, Path, description = "The table"), ExportQuery),
    responses((status = 200, description = "The file", content(
        (String = "application/x-ndjson"), (String = "text/csv"), (Vec<Object> = "application/json"),
    ), headers(("Content-Disposition" = String, description = "The name of the file"))))
)]
pub(super) async fn export(
    State(app): State<App>,
    Name(name): Name,
    Params(ExportQuery { format }): Params<ExportQuery>,
) -> Answer {
    let seat = Arc::clone(&app.exports).try_acquire_owned().map_err(|_| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many exports are under way")
            .retry_after(Duration::from_secs(10))
    })?;
    let RecordScan { columns, rows } = app.service.export(&name).await?;
    let format = format.unwrap_or(ExportFormat::Ndjson);
    let (kind, ending) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        ExportFormat::Json => ("application/json", "json"),
        ExportFormat::Ndjson => ("application/x-ndjson", "ndjson"),
    };
    let export = Export { rows, encoder: Encoder::new(format, columns), name: name.clone(), _seat: seat };
    let mut response = Body::from_stream(stream::try_unfold(Some(export), Export::step)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&name, ending));
    Ok(response)
}

/// An export under way. It reads on only when the client has taken what was read: it keeps one batch.
struct Export {
    rows: Box<dyn busta_core::destination::Scan>,
    encoder: Encoder,
    name: String,
    _seat: OwnedSemaphorePermit,
}

impl Export {
    /// The next bytes; nothing remains behind the last.
    async fn step(export: Option<Self>) -> Result<Option<(Bytes, Option<Self>)>> {
        let Some(mut export) = export else { return Ok(None) };
        match export.next().await {
            Ok((bytes, true)) => Ok(Some((bytes, Some(export)))),
            Ok((bytes, false)) => Ok(Some((bytes, None))),
            Err(error) => {
                tracing::warn!(table = export.name, "an export broke off: {error}");
                Err(error)
            }
        }
    }

    async fn next(&mut self) -> Result<(Bytes, bool)> {
        match self.rows.next().await? {
            Some(records) => Ok((self.encoder.encode(&records)?, true)),
            None => Ok((self.encoder.end()?, false)),
        }
    }
}

/// `attachment` with a name that no system misreads; other characters than these become `_`.
fn disposition(name: &str, ending: &str) -> HeaderValue {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let safe: String = name.chars().map(plain).take(100).collect();
    HeaderValue::from_str(&format!("attachment; filename=\"{safe}.{ending}\""))
        .unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_harmless() {
        let name = |table: &str| disposition(table, "csv").to_str().unwrap().to_owned();
        assert_eq!(name("orders"), "attachment; filename=\"orders.csv\"");
        assert_eq!(name("a\"; x=\"../b c.exe"), "attachment; filename=\"a___x_____b_c_exe.csv\"");
        assert!(name(&"ä".repeat(500)).len() < 150);
    }
}
