use std::time::Duration;

use busta_core::units::Span;
use busta_core::{Error, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::Limit;

/// Which of the newest records to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct RecentQuery {
    /// Only those of this group.
    pub group: Option<String>,
    /// Only those with this sentiment.
    #[param(inline)]
    pub label: Option<SentimentLabel>,
    /// Only those one of whose texts holds this, whatever the case.
    pub q: Option<String>,
    /// Only those from this time on.
    pub since: Option<DateTime<Utc>>,
    /// How many at most. With `label` or `q` a part may have fewer, or none, and still have a next one.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// A sentiment in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SentimentLabel {
    /// Compound 0.05 or more.
    Positive,
    /// Between.
    Neutral,
    /// Compound -0.05 or less.
    Negative,
}

/// Which sentiment to sum up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct StatsQuery {
    /// How far back, such as `6h` or `7d`; `24h` if left out. It ends with the bucket that now is in, and has at
    /// most 1,000 of them.
    #[param(inline)]
    pub window: Option<Length>,
    /// The length of a bucket of the series: whole hours; `1h` if left out.
    #[param(inline)]
    pub bucket: Option<Length>,
    /// Only that of this group.
    pub group: Option<String>,
}

/// What trends to look for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct TrendingQuery {
    /// How far back, such as `6h`; `24h` if left out, `30d` at most. It ends with the hour that now is in.
    #[param(inline)]
    pub window: Option<Length>,
    /// How many records and how many terms at most.
    #[param(inline, required = false)]
    pub limit: Few,
    /// Only in this group.
    pub group: Option<String>,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Length(pub Duration);

impl TryFrom<String> for Length {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse().map(|Span(length)| Self(length)).map_err(Error::data)
    }
}

impl PartialSchema for Length {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-9][0-9]{0,2}[hd]$"));
        text.examples([serde_json::json!("24h")]).into()
    }
}

impl ToSchema for Length {}

/// How many of the best are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub struct Few(u32);

impl Few {
    /// So many at most.
    pub const MOST: u32 = 100;
    /// So many unless the request says otherwise.
    pub const USUAL: u32 = 20;

    /// So many.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

impl Default for Few {
    fn default() -> Self {
        Self(Self::USUAL)
    }
}

impl TryFrom<u32> for Few {
    type Error = Error;

    fn try_from(wanted: u32) -> Result<Self> {
        if (1..=Self::MOST).contains(&wanted) {
            return Ok(Self(wanted));
        }
        Err(Error::data(format!("{wanted} is not between 1 and {}", Self::MOST)))
    }
}

impl PartialSchema for Few {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Int32);
        let number = ObjectBuilder::new().schema_type(Type::Integer).format(Some(format));
        number.minimum(Some(1)).maximum(Some(Self::MOST)).default(Some(Self::USUAL.into())).into()
    }
}

impl ToSchema for Few {}

/// The sentiment of the records of some time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SentimentStats {
    /// The table.
    pub dataset: String,
    /// From this time on: whole hours in UTC.
    pub from: DateTime<Utc>,
    /// Up to this time, which may not have come yet.
    pub to: DateTime<Utc>,
    /// The length of a bucket of the series.
    pub bucket_s: u64,
    /// Of all records.
    pub total: Mood,
    /// Of each group, those with the most records first, at most 100.
    pub groups: Vec<GroupMood>,
    /// Of each bucket, oldest first, also where there is nothing.
    pub series: Vec<BucketMood>,
}

/// The sentiment of some records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mood {
    /// How many there are, also without a sentiment.
    pub records: u64,
    /// How many are positive.
    pub positive: u64,
    /// How many are neutral.
    pub neutral: u64,
    /// How many are negative.
    pub negative: u64,
    /// The mean compound score of those that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compound_mean: Option<f64>,
}

/// The sentiment of a group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupMood {
    /// The group.
    pub group: String,
    /// Its sentiment.
    #[serde(flatten)]
    pub mood: Mood,
}

/// The sentiment of a bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BucketMood {
    /// When the bucket begins.
    pub at: DateTime<Utc>,
    /// Its sentiment.
    #[serde(flatten)]
    pub mood: Mood,
}

/// What is trending.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Trending {
    /// The table.
    pub dataset: String,
    /// From this time on: whole hours in UTC.
    pub from: DateTime<Utc>,
    /// Up to this time, which may not have come yet.
    pub to: DateTime<Utc>,
    /// The records that rise fastest, these first.
    pub records: Vec<RisingRecord>,
    /// The terms that have grown most over their own past, these first.
    pub terms: Vec<RisingTerm>,
}

/// A record that rises.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RisingRecord {
    /// Points per hour: over its age, or since its score last changed, whichever is more.
    pub velocity: f64,
    /// The record.
    #[schema(value_type = Object)]
    pub record: Box<RawValue>,
}

/// A term that grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RisingTerm {
    /// The term: a word in lower case, or a hashtag.
    pub term: String,
    /// How many records of the window have it.
    pub count: u64,
    /// How many would, if its share was what it was before the window.
    pub before: f64,
    /// `(count - before) / sqrt(before + 1)`: how many standard deviations it is above what was to be expected.
    pub growth: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_durations_are() {
        let read =
            |text: &str| serde_json::from_value::<Length>(text.into()).map(|length| length.0.as_secs());
        assert_eq!((read("24h").unwrap(), read("7d").unwrap()), (86_400, 604_800));
        assert!(read("soon").unwrap_err().to_string().contains("`soon` is not a duration"));
    }

    #[test]
    fn few_are_few() {
        let read = |text: &str| serde_json::from_str::<Few>(text).map(Few::get);
        assert_eq!((read("1").unwrap(), read("100").unwrap(), Few::default().get()), (1, 100, 20));
        assert!(read("0").is_err() && read("101").is_err());
    }
}
