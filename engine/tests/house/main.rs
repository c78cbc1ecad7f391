//! The house: which folder may know which, whether the docs say what is there, and whether every public type
//! has an example.

mod documented;
mod examples;
mod layers;
mod messages;
