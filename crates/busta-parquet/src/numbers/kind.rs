//! What the numbers of a column are, and how each is 64 bits.

use parquet::basic::Type;
use parquet::schema::types::ColumnDescriptor;

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    /// Integers, and moments.
    Whole,
    Double,
}

impl Kind {
    /// Of a column, if it holds such and is not nested.
    pub fn of(column: &ColumnDescriptor) -> Option<Self> {
        if [column.max_def_level(), column.max_rep_level()] != [1, 0] || column.path().parts().len() > 1 {
            return None;
        }
        match column.physical_type() {
            Type::BOOLEAN => Some(Self::Bool),
            Type::INT64 => Some(Self::Whole),
            Type::DOUBLE => Some(Self::Double),
            _ => None,
        }
    }

    /// How many values are no numbers: none, since JSON has no way to write that. Readers want to know it of doubles.
    pub(super) fn nans(self) -> Option<u64> {
        (self == Self::Double).then_some(0)
    }

    /// What has the order of its values. It is its own inverse.
    pub(super) fn ordered(self, bits: i64) -> i64 {
        // Negative doubles are in the order of their magnitudes.
        if self == Self::Double { bits ^ ((bits >> 63) as u64 >> 1) as i64 } else { bits }
    }
}

/// Values of 64 bits or fewer.
pub(super) trait Number: Copy {
    fn bits(self) -> i64;
}

impl Number for bool {
    fn bits(self) -> i64 {
        self.into()
    }
}

impl Number for i64 {
    fn bits(self) -> i64 {
        self
    }
}

impl Number for f64 {
    fn bits(self) -> i64 {
        self.to_bits() as i64
    }
}
