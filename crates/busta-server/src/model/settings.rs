use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// How a source is configured. Secrets stand as `***`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettingsView {
    /// The presets that its type has, by name.
    pub presets: Vec<PresetView>,
    /// What its section says, in the order of the file; then what the preset sets besides, then what is usual.
    pub values: Vec<SettingView>,
}

/// A named set of settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PresetView {
    /// Its name.
    pub name: String,
    /// What it sets.
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettingView {
    /// Its key.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// Who says so.
    pub origin: SettingOrigin,
}

/// Who says what a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingOrigin {
    /// The configuration.
    File,
    /// The preset that is chosen.
    Preset,
    /// Nobody: it is so unless somebody says otherwise.
    Default,
}

/// What a source may use. Money has no unit: it is that of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BudgetView {
    /// What one request costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_per_request: Option<f64>,
    /// The most that a run may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_run: Option<f64>,
    /// The most requests of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_run: Option<u64>,
    /// The most requests of a day (UTC), over all runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_day: Option<u64>,
    /// Requests of this day so far, where a day has only so many: those that were sent, and the few that a
    /// run under way may send next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_today: Option<u64>,
    /// How many requests the next run is expected to take: as many as the last complete one; absent before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_requests: Option<u64>,
}
