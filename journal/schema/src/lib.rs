//! What a journal's schema means.
