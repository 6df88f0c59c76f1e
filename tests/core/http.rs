//! What a response asks for, as servers write it: numbers and dates, whatever the moment and the spelling.
//!
//! Must not know: how headers are parsed. The calendar here counts days one by one.

use crate::random::thorough;
use halfopen::core::Outcome;
use halfopen::core::http::{Header, RateLimit, Room, judge};
use proptest::collection::vec;
use proptest::prelude::*;

/// What a 503 with these headers asks for, in ms; NaN when it asks for nothing.
fn asked(headers: &[(Header, &[u8])], now: f64) -> f64 {
    let read = |header, room: &mut Room| {
        let text = headers.iter().find(|(name, _)| *name == header).map_or(&b""[..], |(_, text)| text);
        if let Some(room) = room.get_mut(..text.len()) {
            room.copy_from_slice(text);
        }
        text.len()
    };
    let verdict = judge(503, None, RateLimit::Pause, now, &read);
    assert_eq!(verdict.outcome, Outcome::Failure);
    verdict.retry_after
}

const MONTHS: [(&str, i64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// A moment in the three forms of dates, from its seconds since the epoch.
fn written(seconds: i64) -> [String; 3] {
    let (mut days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let short = &weekday[..3];
    let mut year = 1970;
    while days >= 365 + i64::from(is_leap(year)) {
        days -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let mut name = "";
    for (month, length) in MONTHS {
        name = month;
        let length = length + i64::from(month == "Feb" && is_leap(year));
        if days < length {
            break;
        }
        days -= length;
    }
    let (day, century) = (days + 1, year % 100);
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    [
        format!("{short}, {day:02} {name} {year} {time} GMT"),
        format!("{weekday}, {day:02}-{name}-{century:02} {time} GMT"),
        format!("{short} {name} {day:>2} {time} {year}"),
    ]
}

/// The end of the year 9999, in seconds.
const END: i64 = 253_402_300_800;
/// Less than 50 years, in seconds.
const MOST: i64 = 50 * 365 * 86_400;

proptest! {
    #![proptest_config(thorough())]

    #[test]
    fn any_moment_is_read_in_each_form_against_any_other(
        until in 0..END, sent in 0..END, ahead in -MOST..=MOST, now in -1e15..1e15f64,
    ) {
        for until_text in [0, 2].map(|form| written(until)[form].clone()) {
            for sent_text in [0, 2].map(|form| written(sent)[form].clone()) {
                let headers = [(Header::RetryAfter, until_text.as_bytes()), (Header::Date, sent_text.as_bytes())];
                prop_assert_eq!(asked(&headers, now), ((until - sent) * 1000).max(0) as f64);
            }
            let wait = asked(&[(Header::RetryAfter, until_text.as_bytes())], now);
            prop_assert_eq!(wait, (until as f64 * 1000.0 - now).max(0.0));
        }
        // A year of two digits is told by the moment that it is read in.
        let near = (sent + ahead).clamp(0, END - 1);
        let [full, short, _] = written(near);
        for text in [&full, &short] {
            let wait = asked(&[(Header::RetryAfter, text.as_bytes())], sent as f64 * 1000.0);
            prop_assert_eq!(wait, ((near - sent) * 1000).max(0) as f64, "{}", text);
        }
        let headers = [(Header::RetryAfter, short.as_bytes()), (Header::Date, full.as_bytes())];
        prop_assert_eq!(asked(&headers, sent as f64 * 1000.0), 0.0);
    }

    #[test]
    fn any_decimal_is_read_and_milliseconds_go_first(whole in 0..4_294_967_295u32, decimals in "[0-9]{0,20}", other in ".{0,20}") {
        let text = if decimals.is_empty() { format!("{whole}") } else { format!("{whole}.{decimals}") };
        let value: f64 = text.parse().unwrap();
        let close = |got: f64, wanted: f64| (got - wanted).abs() <= wanted * 1e-12;
        let ms = asked(&[(Header::RetryAfterMs, text.as_bytes()), (Header::RetryAfter, other.as_bytes())], 0.0);
        prop_assert!(close(ms, value), "{} for {}", ms, text);
        let seconds = asked(&[(Header::RetryAfter, text.as_bytes())], 0.0);
        prop_assert!(close(seconds, (value * 1000.0).min(4_294_967_295_000.0)), "{} for {}", seconds, text);
    }

    #[test]
    fn whatever_else_a_header_has_asks_for_nothing_or_for_a_time(
        headers in prop_oneof![
            vec(vec(any::<u8>(), 0..80), 3..=3),
            vec("[-0-9.:, A-Za-z]{0,40}".prop_map(String::into_bytes), 3..=3),
        ],
        now in any::<f64>(),
    ) {
        let [ms, until, sent] = headers.as_slice() else { unreachable!() };
        let wait = asked(&[(Header::RetryAfterMs, ms), (Header::RetryAfter, until), (Header::Date, sent)], now);
        prop_assert!(wait.is_nan() || wait >= 0.0, "{}", wait);
    }

    #[test]
    fn a_date_with_one_byte_changed_is_another_date_or_none(at in 0..END, form in 0..3usize, place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = written(at)[form].clone().into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        let wait = asked(&[(Header::RetryAfter, &text)], 0.0);
        prop_assert!(wait.is_nan() || (wait >= 0.0 && wait % 1000.0 == 0.0), "{}", wait);
    }
}
