//! Text across the boundary, and the units in which settings are written.

use std::ffi::c_void;
use std::time::Duration;

use gatehouse_sys::gh_str;

pub(crate) const ABSENT: gh_str = gh_str { p: std::ptr::null(), n: 0 };

/// Takes a reference, since the view must not outlive what it shows.
pub(crate) fn raw<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> gh_str {
    let bytes = bytes.as_ref();
    gh_str { p: bytes.as_ptr(), n: bytes.len() }
}

/// # Safety
/// The bytes live as long as `'a`.
pub(crate) unsafe fn bytes<'a>(text: gh_str) -> &'a [u8] {
    bytes_if_any(text).unwrap_or_default()
}

/// # Safety
/// The bytes live as long as `'a`.
pub(crate) unsafe fn bytes_if_any<'a>(text: gh_str) -> Option<&'a [u8]> {
    match text.p.is_null() {
        true => None,
        false => Some(std::slice::from_raw_parts(text.p, text.n)),
    }
}

/// Empty when it is not UTF-8.
///
/// # Safety
/// The bytes live as long as `'a`.
pub(crate) unsafe fn utf8<'a>(text: gh_str) -> &'a str {
    std::str::from_utf8(bytes(text)).unwrap_or_default()
}

/// What a function of the host passes to its `append`.
pub(crate) fn collect(call: impl FnOnce(*mut c_void, gatehouse_sys::gh_append)) -> Vec<u8> {
    unsafe extern "C" fn append(to: *mut c_void, text: gh_str) {
        (*to.cast::<Vec<u8>>()).extend_from_slice(bytes(text));
    }
    let mut all = Vec::new();
    call((&mut all as *mut Vec<u8>).cast(), append);
    all
}

/// As [`collect`], one element per call.
pub(crate) fn collect_lines(
    call: impl FnOnce(*mut c_void, gatehouse_sys::gh_append),
) -> Vec<String> {
    unsafe extern "C" fn append(to: *mut c_void, text: gh_str) {
        let line = String::from_utf8_lossy(bytes(text)).into_owned();
        (*to.cast::<Vec<String>>()).push(line);
    }
    let mut all = Vec::new();
    call((&mut all as *mut Vec<String>).cast(), append);
    all
}

/// Nanoseconds; more than 292 years become the largest number, which the host takes for "no limit".
pub(crate) fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Negative times become zero.
pub(crate) fn duration(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(0))
}

/// The number at the front, of at most `digits` digits, and the unit after it.
fn number_and_unit(text: &str, digits: usize) -> Option<(u64, &str)> {
    let end = text.bytes().take(digits).take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit))
}

/// A duration as the configuration writes it, `250ms`, `10s`, `5m` or `1h`, of at most 366 days.
pub fn parse_duration(text: &str) -> Option<Duration> {
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);
    let (number, unit) = number_and_unit(text, 12)?;
    let time = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number * 60),
        "h" => Duration::from_secs(number * 3600),
        _ => return None,
    };
    Some(time).filter(|time| *time <= LONGEST)
}

/// A size in bytes as the configuration writes it: `512B`, `64KiB`, `8MiB` or `1GiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text, 9)?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    Some(number << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_a_limit() {
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration("2h"), Some(Duration::from_secs(7200)));
        assert_eq!(parse_duration("8784h"), Some(Duration::from_secs(8784 * 3600)));
        for wrong in ["", "5", "s", "5 s", "-5s", "1.5s", "8785h", "9999999999999s"] {
            assert_eq!(parse_duration(wrong), None, "{}", wrong);
        }
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(parse_size("512B"), Some(512));
        assert_eq!(parse_size("64KiB"), Some(65536));
        assert_eq!(parse_size("1GiB"), Some(1 << 30));
        for wrong in ["", "5", "KiB", "5KB", "1234567890B"] {
            assert_eq!(parse_size(wrong), None, "{}", wrong);
        }
    }
}
