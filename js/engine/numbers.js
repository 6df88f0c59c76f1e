/**
 * The numbers of the boundary, and the names and texts behind them: what `src/wasm/number.rs` and the core's lists say.
 *
 * Must not know: breakers. Each fact stands once, in Rust; the build writes these constants.
 */
export * from './generated/numbers.js'
