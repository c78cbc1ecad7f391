//! What slipring's whole-system tests share; the tests are the files beside this one, a theme each.

pub mod children;
pub mod faulty;
pub mod journals;
pub mod lives;
pub mod rebooted;

/// The README's example, compiled and run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
