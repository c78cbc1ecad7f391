//! The fields of DBN's definitions of instruments, as the crate's structs have them: names, places and sizes
//! are the compiler's.

use dbn::{v1, v2, v3};

use super::row::{Row, rows};

pub(super) fn definition() -> Vec<Row> {
    rows! { v3::InstrumentDefMsg:
        ts_recv: time, min_price_increment: price, display_factor: price, expiration: time,
        activation: time, high_limit_price: price, low_limit_price: price, max_price_variation:
        price, unit_of_measure_qty: price, min_price_increment_amount: price, price_ratio: price,
        strike_price: price, raw_instrument_id, leg_price: price, leg_delta: price,
        inst_attrib_value, underlying_id, market_depth_implied, market_depth, market_segment_id,
        max_trade_vol, min_lot_size, min_lot_size_block, min_lot_size_round_lot, min_trade_vol,
        contract_multiplier, decay_quantity, original_contract_size, leg_instrument_id,
        leg_ratio_price_numerator, leg_ratio_price_denominator, leg_ratio_qty_numerator,
        leg_ratio_qty_denominator, leg_underlying_id, appl_id, maturity_year, decay_start_date,
        channel_id, leg_count, leg_index, currency: text, settl_currency: text, secsubtype: text,
        raw_symbol: text, group: text, exchange: text, asset: text, cfi: text, security_type: text,
        unit_of_measure: text, underlying: text, strike_price_currency: text, leg_raw_symbol: text,
        instrument_class: char, match_algorithm: char, main_fraction, price_display_format,
        sub_fraction, underlying_product, security_update_action: char, maturity_month,
        maturity_day, maturity_week, user_defined_instrument: char, contract_multiplier_unit,
        flow_schedule_type, tick_rule, leg_instrument_class: char, leg_side: char
    }
}

pub(super) fn definition_v1() -> Vec<Row> {
    rows! { v1::InstrumentDefMsg:
        ts_recv: time, min_price_increment: price, display_factor: price, expiration: time,
        activation: time, high_limit_price: price, low_limit_price: price, max_price_variation:
        price, trading_reference_price: price, unit_of_measure_qty: price,
        min_price_increment_amount: price, price_ratio: price, inst_attrib_value, underlying_id,
        raw_instrument_id, market_depth_implied, market_depth, market_segment_id, max_trade_vol,
        min_lot_size, min_lot_size_block, min_lot_size_round_lot, min_trade_vol,
        contract_multiplier, decay_quantity, original_contract_size, trading_reference_date,
        appl_id, maturity_year, decay_start_date, channel_id, currency: text, settl_currency: text,
        secsubtype: text, raw_symbol: text, group: text, exchange: text, asset: text, cfi: text,
        security_type: text, unit_of_measure: text, underlying: text, strike_price_currency: text,
        instrument_class: char, strike_price: price, match_algorithm: char,
        md_security_trading_status, main_fraction, price_display_format, settl_price_type,
        sub_fraction, underlying_product, security_update_action: char, maturity_month,
        maturity_day, maturity_week, user_defined_instrument: char, contract_multiplier_unit,
        flow_schedule_type, tick_rule
    }
}

pub(super) fn definition_v2() -> Vec<Row> {
    rows! { v2::InstrumentDefMsg:
        ts_recv: time, min_price_increment: price, display_factor: price, expiration: time,
        activation: time, high_limit_price: price, low_limit_price: price, max_price_variation:
        price, trading_reference_price: price, unit_of_measure_qty: price,
        min_price_increment_amount: price, price_ratio: price, strike_price: price,
        inst_attrib_value, underlying_id, raw_instrument_id, market_depth_implied, market_depth,
        market_segment_id, max_trade_vol, min_lot_size, min_lot_size_block, min_lot_size_round_lot,
        min_trade_vol, contract_multiplier, decay_quantity, original_contract_size,
        trading_reference_date, appl_id, maturity_year, decay_start_date, channel_id, currency:
        text, settl_currency: text, secsubtype: text, raw_symbol: text, group: text, exchange: text,
        asset: text, cfi: text, security_type: text, unit_of_measure: text, underlying: text,
        strike_price_currency: text, instrument_class: char, match_algorithm: char,
        md_security_trading_status, main_fraction, price_display_format, settl_price_type,
        sub_fraction, underlying_product, security_update_action: char, maturity_month,
        maturity_day, maturity_week, user_defined_instrument: char, contract_multiplier_unit,
        flow_schedule_type, tick_rule
    }
}
