//! The lines of a LOBSTER message file, byte for byte as they were recorded.

use slipring_schema::Row;

use super::printer::Printer;
use crate::flow::message::OrderMessage;
use crate::flow::print;

pub(super) struct Lobster;

impl Printer for Lobster {
    fn row(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        // Whoever made the printer has compared the schemas.
        if row.event.len() == size_of::<OrderMessage>() {
            print::csv(&bytemuck::pod_read_unaligned(row.event), out);
        }
    }
}
