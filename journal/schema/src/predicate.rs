//! stub
use crate::{Row, Table};
/// stub
#[derive(Debug)]
pub struct Predicate;
/// stub
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct PredicateError;
impl Predicate {
    /// stub
    pub fn parse(_: &str, _: &Table, _: u64) -> Result<Self, PredicateError> {
        Err(PredicateError)
    }
    /// stub
    pub fn matches(&self, _: &Row<'_>) -> bool {
        true
    }
}
