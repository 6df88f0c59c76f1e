//! What an HTTP response says about the health of its server.
//!
//! Must not know: a clock, `Response`. Status and headers come as numbers and bytes.

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

/// The headers that a verdict can depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Ms to wait, as some APIs send it.
    RetryAfterMs,
    /// Seconds to wait, or the date to wait for.
    RetryAfter,
    /// When the server sent the response, by its own clock.
    Date,
    /// The breaker that answered in the place of a server.
    Breaker,
}

impl Header {
    /// The name of each, in their order.
    pub const NAMES: [&'static str; 4] = ["retry-after-ms", "retry-after", "date", "x-circuit-breaker"];
}

/// The longest header that is read, in bytes: a date has 33 at most.
pub const LONGEST_HEADER: usize = 64;

/// Where a header is read into.
pub type Room = [u8; LONGEST_HEADER];

/// Statuses that are failures unless the caller says otherwise: the server or what stands behind it is ill. 529 is what
/// some APIs answer when they are overloaded. Other 5xx, such as 501, come from a server that works.
const FAILURES: [u16; 5] = [500, 502, 503, 504, 529];

/// What a breaker answers in the place of a server, which was not asked.
const REFUSAL: u16 = 503;
/// Neither a sign of health nor of illness: proxies answer it on connections that were merely idle.
const REQUEST_TIMEOUT: u16 = 408;
const TOO_MANY_REQUESTS: u16 = 429;

/// The verdict on a response. `fails` is what the caller says of its status, if anything: what is no failure may still be
/// a 408 or a 429, which prove no health. `read` gives a header, empty where there is none. No verdict on a good response
/// depends on one, and reading it costs more than the rest. `now` is the time in ms since the epoch.
pub fn judge(
    status: u16,
    fails: Option<bool>,
    rate_limit: RateLimit,
    now: f64,
    read: &dyn Fn(Header, &mut Room) -> usize,
) -> Verdict {
    let failure = || Verdict {
        outcome: Outcome::Failure,
        retry_after: wait(now, read).unwrap_or(f64::NAN),
        trips: false,
    };
    if status == REFUSAL && read(Header::Breaker, &mut [0; LONGEST_HEADER]) > 0 {
        return Outcome::Ignored.into();
    }
    if fails == Some(true) {
        return failure();
    }
    match (status, rate_limit) {
        (TOO_MANY_REQUESTS, RateLimit::Failure) => failure(),
        (TOO_MANY_REQUESTS, RateLimit::Pause) => match failure() {
            pause if pause.retry_after > 0.0 => Verdict { trips: true, ..pause },
            _ => Outcome::Ignored.into(),
        },
        (TOO_MANY_REQUESTS | REQUEST_TIMEOUT, _) => Outcome::Ignored.into(),
        _ if fails.is_none() && FAILURES.contains(&status) => failure(),
        _ => Outcome::Success.into(),
    }
}

/// The ms that a response asks to wait: by `retry-after-ms`, else by `retry-after`, which has seconds or a date. Numbers may
/// have decimals. A date is measured against the response's own, since the server's clock may be wrong by hours; `now`
/// serves where the two agree ([`AGREE`]), and where that can't be read, as in a browser that asks another origin. A date that has
/// passed asks for 0. `None` where nothing that can be read asks for anything, negative numbers included; absurd ones are for the
/// caller to cap.
///
/// Byte by byte, since the searching, splitting and parsing of `str` is 9 KB of Wasm.
fn wait(now: f64, read: &dyn Fn(Header, &mut Room) -> usize) -> Option<f64> {
    let mut room = [0; LONGEST_HEADER];
    if let Some(wait) = number(text(Header::RetryAfterMs, &mut room, read), 1.0) {
        return Some(wait);
    }
    let asked = text(Header::RetryAfter, &mut room, read);
    if let Some(wait) = number(asked, 1000.0) {
        return Some(wait);
    }
    let until = date(asked, now)?;
    let sent = date(text(Header::Date, &mut [0; LONGEST_HEADER], read), now).unwrap_or(now);
    let wait = until - if (0.0..AGREE).contains(&(now - sent)) { now } else { sent };
    (!wait.is_nan()).then_some(wait.max(0.0))
}

/// How much later than the date of a response it may be by our clock, in ms, for the two to agree: a date has no ms, and the response was a
/// while on its way. Measured by the date, the circuit would be open up to that long after the time that was asked for, and refuse a client
/// that waits exactly until then.
const AGREE: f64 = 2000.0;

/// A header; empty where it is longer than any that says something.
fn text<'a>(header: Header, room: &'a mut Room, read: &dyn Fn(Header, &mut Room) -> usize) -> &'a [u8] {
    let length = read(header, room);
    room.get(..length).unwrap_or_default()
}

/// More seconds than that nobody waits: 136 years.
const MOST_SECONDS: u32 = u32::MAX;

/// A decimal number times `scale`, at most [`MOST_SECONDS`] in ms; `None` for anything else.
#[inline(never)]
fn number(text: &[u8], scale: f64) -> Option<f64> {
    let (mut number, mut parts) = (0.0, 1.0);
    let (mut digits, mut point) = (false, false);
    for byte in text {
        if byte.is_ascii_digit() {
            number = number * 10.0 + f64::from(byte.wrapping_sub(b'0'));
            digits = true;
            if point {
                parts *= 10.0;
            }
        } else if *byte == b'.' && !point {
            point = true;
        } else {
            return None;
        }
    }
    digits.then(|| (number * scale / parts).min(f64::from(MOST_SECONDS) * 1000.0))
}

/// The forms of dates (RFC 9110, 5.6.7), without the day of the week that each begins with: a digit stands for one of that place
/// among the numbers of [`date_in`], 0 also for the blank before a day of one digit; aaa is the month. `Sun, 06 Nov 1994 08:49:37 GMT`; the two that
/// are obsolete are `Sunday, 06-Nov-94 08:49:37 GMT` and that of C's `asctime`, `Sun Nov  6 08:49:37 1994`.
const FORMS: [&[u8]; 3] = [b", 00 aaa 1111 22:33:44 GMT", SHORT_YEAR, b" aaa 00 22:33:44 1111"];
const SHORT_YEAR: &[u8] = b", 00-aaa-11 22:33:44 GMT";

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// A date in ms since the epoch. Which day of the week it is said to be is not checked.
fn date(mut text: &[u8], now: f64) -> Option<f64> {
    while let [b'A'..=b'Z' | b'a'..=b'z', rest @ ..] = text {
        text = rest;
    }
    FORMS.iter().find_map(|form| date_in(form, text, now))
}

/// A date of that form. A year of two digits is the latest one that is not more than 50 years after `now`.
#[inline(never)]
fn date_in(form: &[u8], text: &[u8], now: f64) -> Option<f64> {
    let mut numbers = [0.0; 5];
    let mut name = 0;
    if form.len() != text.len() {
        return None;
    }
    for (kind, byte) in form.iter().zip(text) {
        match (kind, byte) {
            (b'a', _) => name = (name << 8) | u32::from(*byte),
            (b'0'..=b'4', _) => {
                let number = numbers.get_mut(usize::from(kind.wrapping_sub(b'0')))?;
                match byte {
                    b'0'..=b'9' => *number = *number * 10.0 + f64::from(byte.wrapping_sub(b'0')),
                    b' ' if *kind == b'0' && *number == 0.0 => {}
                    _ => return None,
                }
            }
            _ if kind == byte => {}
            _ => return None,
        }
    }
    let [day, mut year, hour, minute, second] = numbers;
    let mut month = 1.0;
    for known in MONTHS.as_chunks::<3>().0 {
        if name == u32::from_be_bytes([0, known[0], known[1], known[2]]) {
            break;
        }
        month += 1.0;
    }
    // 60 is that of a leap second.
    if month > 12.0 || !(1.0..=31.0).contains(&day) || hour > 23.0 || minute > 59.0 || second > 60.0 {
        return None;
    }
    if form.len() == SHORT_YEAR.len() {
        // Two years too late at most, which then costs the century.
        let latest = (now / MS_OF_A_YEAR).floor() + 2022.0;
        year += ((latest - year) / 100.0).floor() * 100.0;
        if days(year - 50.0, month, day) * MS_OF_A_DAY > now {
            year -= 100.0;
        }
    }
    Some(days(year, month, day) * MS_OF_A_DAY + ((hour * 60.0 + minute) * 60.0 + second) * 1000.0)
}

const MS_OF_A_DAY: f64 = 86_400_000.0;

/// On the average of the Gregorian calendar.
const MS_OF_A_YEAR: f64 = 365.2425 * MS_OF_A_DAY;

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

    /// Reads the headers of a list, as a host does.
    fn reader(headers: &[(Header, &str)]) -> impl Fn(Header, &mut Room) -> usize {
        |header, room| {
            let text =
                headers.iter().find(|(name, _)| *name == header).map_or("", |(_, text)| text).as_bytes();
            if let Some(room) = room.get_mut(..text.len()) {
                room.copy_from_slice(text);
            }
            text.len()
        }
    }

    fn judged(
        status: u16,
        fails: Option<bool>,
        rate_limit: RateLimit,
        headers: &[(Header, &str)],
    ) -> Verdict {
        judge(status, fails, rate_limit, 0.0, &reader(headers))
    }

    fn verdict(status: u16, retry_after: &str, rate_limit: RateLimit) -> (Outcome, bool) {
        let verdict = judged(status, None, rate_limit, &[(Header::RetryAfter, retry_after)]);
        (verdict.outcome, verdict.trips)
    }

    #[test]
    fn the_status_tells_the_outcome() {
        for status in
            [200, 204, 206, 301, 304, 400, 401, 403, 404, 409, 410, 422, 425, 451, 499, 501, 505, 511]
        {
            assert_eq!(verdict(status, "", RateLimit::Pause), (Outcome::Success, false), "{status}");
        }
        for status in [500, 502, 503, 504, 529] {
            assert_eq!(verdict(status, "", RateLimit::Pause), (Outcome::Failure, false), "{status}");
        }
        assert_eq!(verdict(408, "", RateLimit::Failure), (Outcome::Ignored, false));
    }

    #[test]
    fn what_429_means_is_a_choice() {
        assert_eq!(verdict(429, "", RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, "0", RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, "abc", RateLimit::Pause), (Outcome::Ignored, false));
        assert_eq!(verdict(429, "1", RateLimit::Pause), (Outcome::Failure, true));
        assert_eq!(verdict(429, "0.001", RateLimit::Pause), (Outcome::Failure, true));
        assert_eq!(verdict(429, "1", RateLimit::Failure), (Outcome::Failure, false));
        assert_eq!(verdict(429, "1", RateLimit::Ignored), (Outcome::Ignored, false));
    }

    #[test]
    fn the_caller_has_the_last_word_on_a_status() {
        let seven = [(Header::RetryAfter, "7")];
        assert_eq!(judged(200, Some(true), RateLimit::Pause, &[]).outcome, Outcome::Failure);
        assert_eq!(judged(503, Some(false), RateLimit::Pause, &[]).outcome, Outcome::Success);
        assert_eq!(judged(429, Some(true), RateLimit::Ignored, &seven).retry_after, 7000.0);
        assert!(judged(429, Some(false), RateLimit::Pause, &seven).trips);
        assert_eq!(judged(408, Some(false), RateLimit::Pause, &[]).outcome, Outcome::Ignored);
    }

    #[test]
    fn the_answer_of_a_breaker_is_ignored_whatever_the_caller_says() {
        let longest = "a".repeat(LONGEST_HEADER + 1);
        for name in ["a", longest.as_str()] {
            let refusal = [(Header::Breaker, name), (Header::RetryAfter, "7")];
            for fails in [None, Some(true), Some(false)] {
                assert_eq!(judged(503, fails, RateLimit::Pause, &refusal).outcome, Outcome::Ignored);
            }
            for (status, outcome) in
                [(502, Outcome::Failure), (504, Outcome::Failure), (200, Outcome::Success)]
            {
                assert_eq!(judged(status, None, RateLimit::Pause, &refusal).outcome, outcome, "{status}");
            }
        }
        assert_eq!(judged(503, None, RateLimit::Pause, &[(Header::Breaker, "")]).outcome, Outcome::Failure);
    }

    #[test]
    fn no_header_of_a_good_response_is_read() {
        for status in [100, 200, 204, 304, 404, 501] {
            let read: &dyn Fn(Header, &mut Room) -> usize = &|header, _| panic!("{header:?}");
            judge(status, None, RateLimit::Pause, 0.0, read);
        }
    }

    fn asked(headers: &[(Header, &str)], now: f64) -> Option<f64> {
        wait(now, &reader(headers))
    }

    fn retry_after(text: &str, now: f64) -> Option<f64> {
        asked(&[(Header::RetryAfter, text)], now)
    }

    #[test]
    fn seconds_are_read_and_garbage_is_not() {
        for (text, ms) in [
            ("120", 120_000.0),
            ("0", 0.0),
            ("2.0", 2000.0),
            ("0.503", 503.0),
            ("0.0001", 0.1),
            (".5", 500.0),
            ("7.", 7000.0),
            ("007", 7000.0),
        ] {
            assert_eq!(retry_after(text, 0.0), Some(ms), "{text}");
        }
        for garbage in [
            "", " ", " 3", "3\t", ".", "-1", "+5", "-0", "1.5.2", "1e3", "abc", "12s", "½", "0x10",
            "\u{661}", "1 2", "1, 2", "1,5", "Infinity", "NaN", "null",
        ] {
            assert_eq!(retry_after(garbage, 0.0), None, "{garbage}");
        }
    }

    #[test]
    fn absurd_seconds_are_a_large_number_and_no_more() {
        for absurd in ["1000000000000", "99999999999999999999999999999999999999", "4294967295.9"] {
            assert_eq!(retry_after(absurd, 0.0), Some(4_294_967_295_000.0));
        }
        assert_eq!(asked(&[(Header::RetryAfterMs, "99999999999999999999")], 0.0), Some(4_294_967_295_000.0));
        assert_eq!(number(&[b'9'; 400], 1.0), Some(4_294_967_295_000.0));
        assert_eq!(retry_after(&"9".repeat(LONGEST_HEADER + 1), 0.0), None, "longer than anything is read");
    }

    #[test]
    fn milliseconds_go_before_seconds_where_they_can_be_read() {
        let both = |ms, seconds| asked(&[(Header::RetryAfterMs, ms), (Header::RetryAfter, seconds)], 0.0);
        assert_eq!(both("1500", "2"), Some(1500.0));
        assert_eq!(both("1500.5", ""), Some(1500.5));
        assert_eq!(both("0", "2"), Some(0.0));
        assert_eq!(both("soon", "2"), Some(2000.0));
        assert_eq!(both("-1", "2"), Some(2000.0));
        assert_eq!(both("", ""), None);
    }

    const AT: f64 = 784_111_777_000.0;
    const IN_EACH_FORM: [&str; 3] =
        ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"];

    #[test]
    fn dates_are_read_to_the_second_in_all_three_forms() {
        for text in IN_EACH_FORM {
            assert_eq!(retry_after(text, AT - 5000.0), Some(5000.0), "{text}");
            assert_eq!(retry_after(text, AT), Some(0.0), "{text}");
            assert_eq!(retry_after(text, AT + 5000.0), Some(0.0), "{text}");
            assert_eq!(retry_after(text, f64::NAN), None, "{text}");
        }
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600.0),
            ("Fri, 31 Dec 2027 23:59:59 GMT", 1_830_297_599.0),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400.0),
            ("Thu Jan 01 00:00:00 1970", 0.0),
            ("Fri Dec 31 23:59:59 2027", 1_830_297_599.0),
        ] {
            assert_eq!(date(text.as_bytes(), 0.0), Some(seconds * 1000.0), "{text}");
        }
    }

    #[test]
    fn a_date_is_measured_against_that_of_the_response() {
        for sent in IN_EACH_FORM {
            for until in ["Sun, 06 Nov 1994 08:50:37 GMT", "Sun Nov  6 08:50:37 1994"] {
                let headers = [(Header::RetryAfter, until), (Header::Date, sent)];
                for now in [AT - 1e9, AT - 1.0, AT, AT + AGREE, AT + 1e9] {
                    assert_eq!(asked(&headers, now), Some(60_000.0), "{sent} {now}");
                }
                for later in [1.0, 999.0, AGREE - 1.0] {
                    assert_eq!(asked(&headers, AT + later), Some(60_000.0 - later), "the clocks agree");
                }
                assert_eq!(asked(&headers[..1], AT + 1000.0), Some(59_000.0), "by our clock");
                assert_eq!(asked(&[headers[0], (Header::Date, "today")], AT), Some(60_000.0), "by our clock");
            }
        }
        assert_eq!(asked(&[(Header::RetryAfter, "3"), (Header::Date, IN_EACH_FORM[0])], 0.0), Some(3000.0));
    }

    #[test]
    fn a_year_of_two_digits_is_at_most_fifty_years_ahead() {
        let year = |text: &str, now: &str| {
            let now = date(format!("Sun, {now} 12:00:00 GMT").as_bytes(), 0.0).unwrap();
            let then = date(format!("Sunday, {text} 12:00:00 GMT").as_bytes(), now).unwrap();
            (then / MS_OF_A_YEAR + 1970.0).floor()
        };
        assert_eq!(year("15-Jun-26", "15 Jun 2026"), 2026.0);
        assert_eq!(year("15-Jun-76", "15 Jun 2026"), 2076.0);
        assert_eq!(year("16-Jun-76", "15 Jun 2026"), 1976.0);
        assert_eq!(year("15-Jun-77", "15 Jun 2026"), 1977.0);
        assert_eq!(year("15-Jun-00", "15 Jun 1999"), 2000.0);
        assert_eq!(year("15-Jun-99", "15 Jun 2000"), 1999.0);
        assert_eq!(year("15-Jun-49", "15 Jun 1999"), 2049.0);
        assert_eq!(year("15-Jun-50", "14 Jun 2000"), 1950.0);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for garbage in [
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 32 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov      08:49:37 GMT",
            "Sun, 06 Nov 1994   :49:37 GMT",
            "Sun, 06 Nov 1994 08:0 :37 GMT",
            "Sun, 06 Nov 1994 08:49: 7 GMT",
            "Sunday, 06-Nov-94 08:49:37 CET",
            "Sunday, 06-Nov-1994 08:49:37 GMT",
            "Sunday, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06-Nov-94 25:49:37 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov    08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Nov  6 08:49:37 1994",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(retry_after(garbage, 0.0), None, "{garbage}");
        }
    }
}
