//! What a panic says, and how to be rid of it: what was thrown is the user's own, and its drop may panic in
//! turn.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of a panic, if it has one.
pub(crate) fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let again = drop_of(panic);
    text.or(again).unwrap_or_else(|| "no message".to_owned())
}

/// Drops what is the user's; the message, if that panics.
pub(crate) fn drop_of<T>(value: T) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(value))).err()?;
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // Its drop might panic too, and so on: it stays where it is.
    std::mem::forget(panic);
    Some(text.unwrap_or_else(|| "no message".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            std::panic::panic_any(Bad)
        }
    }

    #[test]
    fn what_was_thrown_may_throw_again_for_ever() {
        let panic = catch_unwind(|| std::panic::panic_any(Bad)).unwrap_err();
        assert_eq!(text(panic), "no message");
        assert_eq!(drop_of(Bad).as_deref(), Some("no message"));
        assert_eq!(drop_of(1), None);
        assert_eq!(text(Box::new("said")), "said");
    }
}
