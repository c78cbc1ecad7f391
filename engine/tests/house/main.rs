//! The house: which folder may know which, and whether the docs say what is there.

mod documented;
mod layers;
