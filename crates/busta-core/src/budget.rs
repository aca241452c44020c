//! What a source may cost: `budget:`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many requests a source may send, and what they cost. Every request that is sent counts, whatever is
/// answered: retries, redirects and requests for tokens too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSettings {
    /// What one request costs, in the currency of your choice.
    #[schemars(range(min = 0))]
    pub cost_per_request: Option<f64>,
    /// The most that a run may cost. A run that is expected to cost more does not collect this source; one
    /// that comes to it stops collecting it, with what it has. Needs `cost_per_request`.
    #[schemars(range(min = 0))]
    pub per_run: Option<f64>,
    /// The most requests of a run, held to in the same way.
    #[schemars(range(min = 1))]
    pub requests_per_run: Option<u64>,
    /// The most requests of a day (UTC), over all runs and all processes with the same state.
    #[schemars(range(min = 1))]
    pub requests_per_day: Option<u64>,
}

impl BudgetSettings {
    /// The most requests of a run, by whichever cap is reached first.
    pub fn run_cap(&self) -> Option<u64> {
        [self.affordable(), self.requests_per_run].into_iter().flatten().min()
    }

    /// What so many requests cost, if that is told.
    pub fn cost(&self, requests: u64) -> Option<f64> {
        self.cost_per_request.map(|cost| cost * requests as f64)
    }

    /// So many requests in words, with their cost if it is known: `2000 requests (5.00)`.
    pub fn words(&self, requests: u64) -> String {
        let noun = if requests == 1 { "request" } else { "requests" };
        match self.cost(requests) {
            Some(cost) => format!("{requests} {noun} ({})", money(cost)),
            None => format!("{requests} {noun}"),
        }
    }

    /// The key of the cap that [`run_cap`](Self::run_cap) comes from, with its value.
    pub fn run_cap_words(&self) -> String {
        match (self.affordable(), self.requests_per_run, self.per_run) {
            (Some(affordable), requests, Some(per_run)) if requests.is_none_or(|most| affordable <= most) => {
                format!("`budget.per_run: {}`", money(per_run))
            }
            (_, Some(requests), _) => format!("`budget.requests_per_run: {requests}`"),
            _ => "`budget`".to_owned(),
        }
    }

    /// What is wrong with values of the right type: the key, and a clause.
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let mut found = Vec::new();
        let wrong = |value: Option<f64>| value.is_some_and(|value| !value.is_finite() || value <= 0.0);
        if wrong(self.cost_per_request) {
            found.push(("cost_per_request", "expected more than 0; leave it out if requests cost nothing"));
        }
        if wrong(self.per_run) {
            found.push(("per_run", "expected more than 0; leave it out for no limit"));
        } else if self.per_run.is_some() && self.cost_per_request.is_none() {
            found.push(("per_run", "needs `cost_per_request`, or nobody knows when it is reached"));
        } else if self.affordable() == Some(0) {
            found.push(("per_run", "is less than one request costs"));
        }
        for (key, value) in
            [("requests_per_run", self.requests_per_run), ("requests_per_day", self.requests_per_day)]
        {
            if value == Some(0) {
                found.push((key, "0 would let nothing through; leave it out for no limit"));
            }
        }
        found
    }

    /// How many requests `per_run` pays for.
    fn affordable(&self) -> Option<u64> {
        let requests = self.per_run? / self.cost_per_request?;
        // 0.3 / 0.1 is a little less than 3, and pays for three all the same.
        Some((requests + 1e-6) as u64)
    }
}

/// An amount as people write it: two digits behind the point, and up to six where it has them.
pub fn money(amount: f64) -> String {
    let text = format!("{amount:.6}");
    let trimmed = text.trim_end_matches('0');
    let least = text.len() - 4;
    text[..trimmed.len().max(least)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(cost: f64, per_run: f64, requests: Option<u64>) -> BudgetSettings {
        BudgetSettings {
            cost_per_request: Some(cost),
            per_run: Some(per_run),
            requests_per_run: requests,
            requests_per_day: None,
        }
    }

    #[test]
    fn money_pays_for_whole_requests() {
        for (cost, per_run, requests) in
            [(0.0025, 5.0, 2000), (0.1, 0.3, 3), (0.01, 0.29, 29), (3.0, 10.0, 3)]
        {
            assert_eq!(budget(cost, per_run, None).run_cap(), Some(requests), "{per_run} / {cost}");
        }
        assert_eq!(BudgetSettings::default().run_cap(), None);
    }

    #[test]
    fn the_lower_cap_counts_and_is_named() {
        let by_count = budget(0.01, 1.0, Some(50));
        assert_eq!(
            (by_count.run_cap(), by_count.run_cap_words().as_str()),
            (Some(50), "`budget.requests_per_run: 50`")
        );
        let by_cost = budget(0.01, 1.0, Some(500));
        assert_eq!(
            (by_cost.run_cap(), by_cost.run_cap_words().as_str()),
            (Some(100), "`budget.per_run: 1.00`")
        );
    }

    #[test]
    fn amounts_are_written_as_people_do() {
        let written = [5.0, 0.0025, 1234.5, 0.1 + 0.2, 0.0].map(money);
        assert_eq!(written, ["5.00", "0.0025", "1234.50", "0.30", "0.00"]);
        assert_eq!(budget(0.0025, 5.0, None).words(2000), "2000 requests (5.00)");
        assert_eq!(BudgetSettings::default().words(1), "1 request");
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let keys =
            |budget: BudgetSettings| budget.problems().into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!(keys(budget(0.01, 1.0, Some(5))), [""; 0]);
        assert_eq!(
            keys(budget(-1.0, f64::NAN, Some(0))),
            ["cost_per_request", "per_run", "requests_per_run"]
        );
        assert_eq!(keys(budget(2.0, 1.0, None)), ["per_run"]);
        assert_eq!(keys(BudgetSettings { per_run: Some(1.0), ..BudgetSettings::default() }), ["per_run"]);
    }
}
