//! How random tests run: how many lives, by which seed, and where a case that failed is kept.
//!
//! Must not know: what is tested.

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

/// Lives per property, unless `PROPTEST_CASES` says otherwise: the same ones in each run, unless `PROPTEST_RNG_SEED` says otherwise.
const CASES: u32 = 4_000;
const SEED: u64 = 20_261_127;

/// A case that failed is kept beside the file of its property and tried first from then on.
pub(crate) fn thorough() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok();
    let cases = cases.map_or(CASES, |cases| cases.parse().expect("PROPTEST_CASES is a number"));
    let seed = std::env::var("PROPTEST_RNG_SEED").ok();
    let seed = seed.map_or(SEED, |seed| seed.parse().expect("PROPTEST_RNG_SEED is a number"));
    let beside_its_file = FileFailurePersistence::WithSource("regressions");
    Config {
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: Some(Box::new(beside_its_file)),
        ..Config::with_cases(cases)
    }
}
