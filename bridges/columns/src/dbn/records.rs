//! The fields of DBN's records, as the crate's structs have them: names, places and sizes are the compiler's.

use std::mem::offset_of;

use dbn::{v1, v3};

use super::row::{Row, consolidated_levels, levels, rows};

pub(super) fn mbo() -> Vec<Row> {
    rows! { v3::MboMsg:
        order_id, price: price, size, flags, channel_id, action: char, side: char, ts_recv: time,
        ts_in_delta, sequence
    }
}

pub(super) fn trade() -> Vec<Row> {
    rows! { v3::TradeMsg:
        price: price, size, action: char, side: char, flags, depth, ts_recv: time, ts_in_delta,
        sequence
    }
}

pub(super) fn mbp_1() -> Vec<Row> {
    let mut rows = rows! { v3::Mbp1Msg:
        price: price, size, action: char, side: char, flags, depth, ts_recv: time, ts_in_delta,
        sequence
    };
    levels(&mut rows, offset_of!(v3::Mbp1Msg, levels), 1);
    rows
}

pub(super) fn mbp_10() -> Vec<Row> {
    let mut rows = rows! { v3::Mbp10Msg:
        price: price, size, action: char, side: char, flags, depth, ts_recv: time, ts_in_delta,
        sequence
    };
    levels(&mut rows, offset_of!(v3::Mbp10Msg, levels), 10);
    rows
}

pub(super) fn bbo() -> Vec<Row> {
    let mut rows = rows! { v3::BboMsg:
        price: price, size, side: char, flags, ts_recv: time, sequence
    };
    levels(&mut rows, offset_of!(v3::BboMsg, levels), 1);
    rows
}

pub(super) fn cmbp_1() -> Vec<Row> {
    let mut rows = rows! { v3::Cmbp1Msg:
        price: price, size, action: char, side: char, flags, ts_recv: time, ts_in_delta
    };
    consolidated_levels(&mut rows, offset_of!(v3::Cmbp1Msg, levels), 1);
    rows
}

pub(super) fn cbbo() -> Vec<Row> {
    let mut rows = rows! { v3::CbboMsg:
        price: price, size, side: char, flags, ts_recv: time
    };
    consolidated_levels(&mut rows, offset_of!(v3::CbboMsg, levels), 1);
    rows
}

pub(super) fn ohlcv() -> Vec<Row> {
    rows! { v3::OhlcvMsg:
        open: price, high: price, low: price, close: price, volume
    }
}

pub(super) fn status() -> Vec<Row> {
    rows! { v3::StatusMsg:
        ts_recv: time, action, reason, trading_event, is_trading: char, is_quoting: char,
        is_short_sell_restricted: char
    }
}

pub(super) fn imbalance() -> Vec<Row> {
    rows! { v3::ImbalanceMsg:
        ts_recv: time, ref_price: price, auction_time: time, cont_book_clr_price: price,
        auct_interest_clr_price: price, ssr_filling_price: price, ind_match_price: price,
        upper_collar: price, lower_collar: price, paired_qty, total_imbalance_qty,
        market_imbalance_qty, unpaired_qty, auction_type: char, side: char, auction_status,
        freeze_status, num_extensions, unpaired_side: char, significant_imbalance: char
    }
}

pub(super) fn statistics() -> Vec<Row> {
    rows! { v3::StatMsg:
        ts_recv: time, ts_ref: time, price: price, quantity, sequence, ts_in_delta, stat_type,
        channel_id, update_action, stat_flags
    }
}

pub(super) fn error() -> Vec<Row> {
    rows! { v3::ErrorMsg:
        err: text, code, is_last
    }
}

pub(super) fn symbol_mapping() -> Vec<Row> {
    rows! { v3::SymbolMappingMsg:
        stype_in, stype_in_symbol: text, stype_out, stype_out_symbol: text, start_ts: time, end_ts:
        time
    }
}

pub(super) fn system() -> Vec<Row> {
    rows! { v3::SystemMsg:
        msg: text, code
    }
}

pub(super) fn error_v1() -> Vec<Row> {
    rows! { v1::ErrorMsg:
        err: text
    }
}

pub(super) fn statistics_v1() -> Vec<Row> {
    rows! { v1::StatMsg:
        ts_recv: time, ts_ref: time, price: price, quantity, sequence, ts_in_delta, stat_type,
        channel_id, update_action, stat_flags
    }
}

pub(super) fn symbol_mapping_v1() -> Vec<Row> {
    rows! { v1::SymbolMappingMsg:
        stype_in_symbol: text, stype_out_symbol: text, start_ts: time, end_ts: time
    }
}

pub(super) fn system_v1() -> Vec<Row> {
    rows! { v1::SystemMsg:
        msg: text
    }
}
