//! Why a state changes: the one list of reasons.
//!
//! Must not know: when it does.

use super::state::names;

names! {
    /// Why the state changed.
    Reason {
        /// `closed` to `open`: the failures reached their threshold.
        FailureThreshold: "failure_threshold",
        /// `closed` to `open`: the share of failures reached its rate.
        FailureRate: "failure_rate",
        /// `closed` to `open`: the share of slow calls reached its rate.
        SlowCallRate: "slow_call_rate",
        /// `closed` or `half_open` to `open`: a failure asked for it.
        Asked: "asked",
        /// `half_open` to `open`: test requests failed.
        TestFailed: "test_failed",
        /// `half_open` to `open`: test requests were slow.
        TestSlow: "test_slow",
        /// `half_open` to `open`: a test request did not settle in time.
        TestExpired: "test_expired",
        /// `open` to `half_open`: the recovery time is up.
        RecoveryDue: "recovery_due",
        /// `half_open` to `closed`: enough test requests succeeded.
        Recovered: "recovered",
        /// To `open`, by hand.
        Trip: "trip",
        /// To `open`, by hand, until released.
        Isolate: "isolate",
        /// To `closed`, by hand.
        Reset: "reset",
        /// To `open` or to `closed`: the fleet says so.
        Fleet: "fleet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }
}
