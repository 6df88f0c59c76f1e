//! What an HTTP response says about the health of its server.
//!
//! Must not know: a clock, `Response`. Status and header come as a number and a text.

use super::permit::{Outcome, Verdict};

/// What a 429 means: the client sends too much, not the server is ill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateLimit {
    /// With a `Retry-After`, the circuit opens for that long; without one the call is ignored.
    Pause,
    /// It is a failure.
    Failure,
    /// The call is ignored.
    Ignored,
}

/// Statuses that are failures unless the caller says otherwise: the server or what stands behind it is ill. 529 is what
/// some APIs answer when they are overloaded. Other 5xx, such as 501, come from a server that works.
const FAILURES: [u16; 5] = [500, 502, 503, 504, 529];

/// Neither a sign of health nor of illness: proxies answer it on connections that were merely idle.
const REQUEST_TIMEOUT: u16 = 408;
const TOO_MANY_REQUESTS: u16 = 429;

/// The verdict on a response. `fails` is what the caller says of its status, if anything: what is no failure may still be
/// a 408 or a 429, which prove no health. `retry_after` is the header of that name; `now` the time in ms since the epoch, which dates are compared with.
pub fn judge(
    status: u16,
    fails: Option<bool>,
    retry_after: Option<&str>,
    rate_limit: RateLimit,
    now: f64,
) -> Verdict {
    let wait = retry_after.and_then(|text| self::retry_after(text, now)).unwrap_or(f64::NAN);
    let failure = Verdict { outcome: Outcome::Failure, retry_after: wait, trips: false };
    if fails == Some(true) {
        return failure;
    }
    match (status, rate_limit) {
        (TOO_MANY_REQUESTS, RateLimit::Failure) => failure,
        (TOO_MANY_REQUESTS, RateLimit::Pause) if wait > 0.0 => Verdict { trips: true, ..failure },
        (TOO_MANY_REQUESTS | REQUEST_TIMEOUT, _) => Outcome::Ignored.into(),
        _ if fails.is_none() && FAILURES.contains(&status) => failure,
        _ => Outcome::Success.into(),
    }
}

/// The ms that a `Retry-After` header asks for: whole seconds, or a date of the preferred form (RFC 9110, 5.6.7). A date that
/// has passed asks for 0. `None` for anything else, negative numbers included; absurd ones are for the caller to cap.
///
/// Byte by byte, since the searching, splitting and parsing of `str` is 9 KB of Wasm.
fn retry_after(text: &str, now: f64) -> Option<f64> {
    let text = text.as_bytes().trim_ascii();
    if let Some(seconds) = number(text) {
        return Some(seconds.min(MOST_SECONDS.into()) * 1000.0);
    }
    let wait = date(text)? - now;
    (!wait.is_nan()).then_some(wait.max(0.0))
}

/// More seconds than that nobody waits: 136 years.
const MOST_SECONDS: u32 = u32::MAX;

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// The form of a date: 0 for any digit, a for the letters of a name.
const FORM: &[u8; 29] = b"aaa, 00 aaa 0000 00:00:00 GMT";

/// The numbers of a date: from where, to where, and the largest. Day, year, hour, minute, second.
const NUMBERS: [(u8, u8, u16); 5] = [(5, 7, 31), (12, 16, 9999), (17, 19, 23), (20, 22, 59), (23, 25, 60)];

/// `Sun, 06 Nov 1994 08:49:37 GMT` in ms since the epoch. The day of the week is not checked.
fn date(text: &[u8]) -> Option<f64> {
    let fits = |(form, byte): (&u8, &u8)| matches!(form, b'a' | b'0') || form == byte;
    if text.len() != FORM.len() || !FORM.iter().zip(text).all(fits) {
        return None;
    }
    let mut numbers = [0.0; NUMBERS.len()];
    for (place, (from, to, most)) in numbers.iter_mut().zip(NUMBERS) {
        *place = number(text.get(from.into()..to.into())?)?;
        if *place > most.into() {
            return None;
        }
    }
    let [day, year, hour, minute, second] = numbers;
    let mut month = 1.0;
    for name in MONTHS.as_chunks::<3>().0 {
        if text.get(8..11) == Some(name) {
            break;
        }
        month += 1.0;
    }
    let fits = month <= 12.0 && day >= 1.0;
    fits.then(|| ((days(year, month, day) * 24.0 + hour) * 60.0 + minute) * 60_000.0 + second * 1000.0)
}

/// The number that these digits are; `None` when there is none or something else.
#[inline(never)]
fn number(digits: &[u8]) -> Option<f64> {
    let mut number = 0.0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number * 10.0 + f64::from(digit.wrapping_sub(b'0'));
    }
    (!digits.is_empty()).then_some(number)
}

/// Days from the epoch to a date of the Gregorian calendar: the months are counted from March, so that the leap day
/// comes last and each month's start is a straight line rounded down.
fn days(year: f64, month: f64, day: f64) -> f64 {
    let (year, month) = if month <= 2.0 { (year - 1.0, month + 9.0) } else { (year, month - 3.0) };
    let leap_days = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor();
    365.0 * year + leap_days + ((153.0 * month + 2.0) / 5.0).floor() + day - 719_469.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(status: u16, header: Option<&str>, rate_limit: RateLimit) -> (Outcome, bool) {
        let verdict = judge(status, None, header, rate_limit, 0.0);
        (verdict.outcome, verdict.trips)
    }

    #[test]
    fn the_status_tells_the_outcome() {
        for status in
            [200, 204, 206, 301, 304, 400, 401, 403, 404, 409, 410, 422, 425, 451, 499, 501, 505, 511]
        {
            assert_eq!(verdict(status, None, RateLimit::Pause), (Outcome::Success, false), "{status}");
        }
        for status in [500, 502, 503, 504, 529] {
            assert_eq!(verdict(status, None, RateLimit::Pause), (Outcome::Failure, false), "{status}");
        }
        assert_eq!(verdict(408, None, RateLimit::Failure), (Outcome::Ignored, false));
    }

    #[test]
    fn what_429_means_is_a_choice() {
        assert_eq!(verdict(429, None, RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, Some("0"), RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, Some("abc"), RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, Some("1"), RateLimit::Pause), (Outcome::Failure, true));
        assert_eq!(verdict(429, Some("1"), RateLimit::Failure), (Outcome::Failure, false));
        assert_eq!(verdict(429, Some("1"), RateLimit::Ignored), (Outcome::Ignored, false));
    }

    #[test]
    fn the_caller_has_the_last_word_on_a_status() {
        assert_eq!(judge(200, Some(true), None, RateLimit::Pause, 0.0).outcome, Outcome::Failure);
        assert_eq!(judge(503, Some(false), None, RateLimit::Pause, 0.0).outcome, Outcome::Success);
        assert_eq!(judge(429, Some(true), Some("7"), RateLimit::Ignored, 0.0).retry_after, 7000.0);
        assert!(judge(429, Some(false), Some("7"), RateLimit::Pause, 0.0).trips);
        assert_eq!(judge(408, Some(false), None, RateLimit::Pause, 0.0).outcome, Outcome::Ignored);
    }

    #[test]
    fn seconds_are_read_and_garbage_is_not() {
        assert_eq!(retry_after("120", 0.0), Some(120_000.0));
        assert_eq!(retry_after(" 0 ", 0.0), Some(0.0));
        for garbage in ["", "-1", "+5", "1.5", "1e3", "abc", "12s", "½", "0x10", "\u{661}", "1 2", "1, 2"] {
            assert_eq!(retry_after(garbage, 0.0), None, "{garbage}");
        }
    }

    #[test]
    fn absurd_seconds_are_a_large_number_and_no_more() {
        for absurd in ["1000000000000", "99999999999999999999999999999999999999"] {
            assert_eq!(retry_after(absurd, 0.0), Some(4_294_967_295_000.0));
        }
    }

    #[test]
    fn dates_are_read_to_the_second() {
        let at = 784_111_777_000.0;
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at - 5000.0), Some(5000.0));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", at + 5000.0), Some(0.0));
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600.0),
            ("Fri, 31 Dec 2027 23:59:59 GMT", 1_830_297_599.0),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400.0),
        ] {
            assert_eq!(date(text.as_bytes()), Some(seconds * 1000.0), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for garbage in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 08:49 GMT",
        ] {
            assert_eq!(retry_after(garbage, 0.0), None, "{garbage}");
        }
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", f64::NAN), None);
    }
}
