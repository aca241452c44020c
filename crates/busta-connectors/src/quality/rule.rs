//! Consistency: how two fields of a record stand to one another.

use std::borrow::Cow;
use std::cmp::Ordering;

use busta_core::CursorValue;
use busta_core::quality::Level;

use super::config::{Relation, Rule};
use super::value::FieldPath;

/// A relation, ready to be asked.
#[derive(Debug)]
pub struct RuleCheck {
    /// What it is called.
    pub name: String,
    /// How bad it is if it does not hold.
    pub level: Level,
    left: FieldPath,
    is: Relation,
    right: FieldPath,
}

impl RuleCheck {
    /// The check of a configured rule.
    pub fn new(rule: Rule) -> Self {
        let words = || format!("{} {} {}", rule.left, rule.is.sign(), rule.right);
        Self {
            name: rule.name.clone().unwrap_or_else(words),
            level: rule.level,
            left: FieldPath::new(&rule.left),
            is: rule.is,
            right: FieldPath::new(&rule.right),
        }
    }

    /// The two values, if they are both there and do not stand as they should.
    pub fn broken<'a>(&self, fields: &[(Cow<'a, str>, &'a str)]) -> Option<String> {
        let (left, right) = (self.left.find(fields)?, self.right.find(fields)?);
        let (a, b) = (CursorValue::from_json(left)?, CursorValue::from_json(right)?);
        (!self.is.holds(a.order(&b))).then(|| format!("{left} and {right}"))
    }
}

impl Relation {
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}
