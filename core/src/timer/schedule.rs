//! When a timer is due: the five fields of cron, read in UTC.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// A schedule as in `crontab(5)`: minute, hour, day of month, month and day of week, or one of the words
/// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. The time is UTC, so no hour is there twice and none
/// is left out when clocks are changed.
///
/// As in cron, a day counts if the day of month *or* the day of week fits, when neither begins with `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Schedule {
    text: String,
    fields: Fields,
}

/// The values that fit, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Fields {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is bit 0.
    weekdays: u64,
    /// Whether the day of month begins with `*`.
    any_day: bool,
    /// Whether the day of week begins with `*`.
    any_weekday: bool,
}

/// One of the five fields.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    names: &'static [&'static str],
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const MINUTE: Field = Field { name: "minute", min: 0, max: 59, names: &[] };
const HOUR: Field = Field { name: "hour", min: 0, max: 23, names: &[] };
const DAY: Field = Field { name: "day of month", min: 1, max: 31, names: &[] };
const MONTH: Field = Field { name: "month", min: 1, max: 12, names: MONTHS };
/// Sunday is 0 and 7.
const WEEKDAY: Field = Field { name: "day of week", min: 0, max: 7, names: WEEKDAYS };

/// Longest text, in bytes.
const LENGTH_MAX: usize = 200;

/// A leap day is at most eight years away from the one before.
const DAYS_AHEAD: u32 = 8 * 366 + 1;

const HINT: &str = "use five fields (minute, hour, day of month, month, day of week; the time is UTC), such as \
                    `0 3 * * *`, or @hourly, @daily, @weekly, @monthly or @yearly";

impl Schedule {
    /// The schedule as it was written, with single blanks.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first moment after this one at which the timer is due: a full minute, and not the given one. `None`
    /// only beyond the years that dates can express.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.fields.next_after(moment)
    }

    /// The same schedule as calendar events of systemd (`systemd.time(7)`), of which any is due: two of them
    /// if day of month and day of week both count.
    pub fn calendars(&self) -> Vec<String> {
        self.fields.calendars()
    }
}

impl Parse for Schedule {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |detail: String| Problem::new(Code::ScheduleInvalid, detail).hint(HINT);
        if text.len() > LENGTH_MAX {
            return Err(invalid(format!("the schedule is longer than {LENGTH_MAX} bytes")));
        }
        let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        let expanded = match words.as_slice() {
            [word] if word.starts_with('@') => {
                let known = match *word {
                    "@hourly" => "0 * * * *",
                    "@daily" | "@midnight" => "0 0 * * *",
                    "@weekly" => "0 0 * * 0",
                    "@monthly" => "0 0 1 * *",
                    "@yearly" | "@annually" => "0 0 1 1 *",
                    other => return Err(invalid(format!("`{}` is no schedule", crate::name::shown(other)))),
                };
                known.split(' ').collect()
            }
            _ => words.clone(),
        };
        let [minute, hour, day, month, weekday] = expanded.as_slice() else {
            return Err(invalid(format!("the schedule has {} fields instead of five", words.len())));
        };
        let read = |field: &Field, text: &str| {
            field
                .read(text)
                .ok_or_else(|| invalid(format!("`{}` can't be the {}", crate::name::shown(text), field.name)))
        };
        let mut weekdays = read(&WEEKDAY, weekday)?;
        weekdays = (weekdays | weekdays >> 7) & 0x7f;
        let fields = Fields {
            minutes: read(&MINUTE, minute)?,
            hours: read(&HOUR, hour)?,
            days: read(&DAY, day)?,
            months: read(&MONTH, month)?,
            weekdays,
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        };
        if fields.next_after(DateTime::UNIX_EPOCH).is_none() {
            return Err(invalid("no day is ever like that".to_owned()));
        }
        Ok(Self { text: words.join(" "), fields })
    }
}

impl Field {
    /// The values of a field: parts with commas between them.
    fn read(&self, text: &str) -> Option<u64> {
        text.split(',').try_fold(0, |all, part| Some(all | self.part(part)?))
    }

    /// `*`, a value or a range, each perhaps with a step behind `/`.
    fn part(&self, text: &str) -> Option<u64> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
            None => (text, None),
        };
        let (first, last) = if range == "*" {
            (self.min, self.max)
        } else if let Some((first, last)) = range.split_once('-') {
            (self.value(first)?, self.value(last)?)
        } else {
            let first = self.value(range)?;
            (first, if step.is_some() { self.max } else { first })
        };
        if first > last {
            return None;
        }
        let step = usize::try_from(step.unwrap_or(1)).ok()?;
        Some((first..=last).step_by(step).fold(0, |bits, value| bits | 1_u64 << value))
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().zip(self.min..).find(|(name, _)| name.eq_ignore_ascii_case(text));
        let value = named.map(|(_, value)| value).or_else(|| number(text))?;
        (self.min..=self.max).contains(&value).then_some(value)
    }
}

/// A number of one or two digits, and nothing else that Rust would take for one.
fn number(text: &str) -> Option<u32> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

const fn has(bits: u64, value: u32) -> bool {
    bits >> value & 1 == 1
}

impl Fields {
    fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = moment.with_second(0)?.with_nanosecond(0)?.checked_add_signed(TimeDelta::minutes(1))?;
        let mut day = start.date_naive();
        let mut earliest = (start.hour(), start.minute());
        for _ in 0..DAYS_AHEAD {
            if self.has_day(day)
                && let Some((hour, minute)) = self.time_from(earliest)
            {
                return Some(day.and_time(NaiveTime::from_hms_opt(hour, minute, 0)?).and_utc());
            }
            day = day.checked_add_days(Days::new(1))?;
            earliest = (0, 0);
        }
        None
    }

    fn has_day(&self, day: NaiveDate) -> bool {
        let in_month = has(self.days, day.day());
        let in_week = has(self.weekdays, day.weekday().num_days_from_sunday());
        let fits = if self.any_day || self.any_weekday { in_month && in_week } else { in_month || in_week };
        fits && has(self.months, day.month())
    }

    /// The first time of a day that is not before the given one.
    fn time_from(&self, (hour, minute): (u32, u32)) -> Option<(u32, u32)> {
        let first = |bits: u64, from: u32, to: u32| (from..=to).find(|value| has(bits, *value));
        if has(self.hours, hour)
            && let Some(minute) = first(self.minutes, minute, MINUTE.max)
        {
            return Some((hour, minute));
        }
        let hour = first(self.hours, hour + 1, HOUR.max)?;
        Some((hour, first(self.minutes, MINUTE.min, MINUTE.max)?))
    }

    fn calendars(&self) -> Vec<String> {
        let list = |bits: u64, field: &Field| {
            let values: Vec<String> =
                (field.min..=field.max).filter(|value| has(bits, *value)).map(|v| v.to_string()).collect();
            let all = usize::try_from(field.max - field.min + 1).is_ok_and(|count| count == values.len());
            if all { "*".to_owned() } else { values.join(",") }
        };
        let weekdays: Vec<&str> = WEEKDAYS
            .iter()
            .zip(0..)
            .filter(|(_, value)| has(self.weekdays, *value))
            .map(|(name, _)| *name)
            .collect();
        let weekdays = if weekdays.len() == 7 { String::new() } else { format!("{} ", weekdays.join(",")) };
        let (months, days) = (list(self.months, &MONTH), list(self.days, &DAY));
        let time = format!("{}:{}:00 UTC", list(self.hours, &HOUR), list(self.minutes, &MINUTE));
        if self.any_day || self.any_weekday {
            vec![format!("{weekdays}*-{months}-{days} {time}")]
        } else {
            vec![format!("*-{months}-{days} {time}"), format!("{weekdays}*-{months}-* {time}")]
        }
    }
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl utoipa::PartialSchema for Schedule {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{ObjectBuilder, Type};
        ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(LENGTH_MAX))
            .description(Some("Five fields as in crontab(5), in UTC, or a word such as @daily."))
            .examples([serde_json::json!("0 3 * * *")])
            .into()
    }
}

impl ToSchema for Schedule {}

impl TryFrom<String> for Schedule {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Schedule> for String {
    fn from(schedule: Schedule) -> Self {
        schedule.text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn next_occurrences() {
        for (schedule, after, next) in [
            ("* * * * *", "2026-11-23T18:13:23Z", "2026-11-23T18:14:00Z"),
            ("* * * * *", "2026-11-23T18:13:00Z", "2026-11-23T18:14:00Z"),
            ("0 3 * * *", "2026-11-23T03:00:00Z", "2026-11-24T03:00:00Z"),
            ("@hourly", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
            ("*/15 8-10 * * Mon-Fri", "2026-11-20T10:45:00Z", "2026-11-23T08:00:00Z"),
            ("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
            // Neither the 13th nor a Friday must be both.
            ("0 0 13 * 5", "2026-11-11T00:00:00Z", "2026-11-13T00:00:00Z"),
            ("0 0 13 * 5", "2026-11-13T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("0 0 */2 * 5", "2026-11-11T00:00:00Z", "2026-11-13T00:00:00Z"),
            ("30 4 1 1 7", "2026-11-23T00:00:00Z", "2027-01-01T04:30:00Z"),
            ("5/20 * * * *", "2026-11-23T00:05:00Z", "2026-11-23T00:25:00Z"),
            // Clocks in most of Europe leave out 02:30 on this day; UTC does not.
            ("30 2 * * *", "2027-03-27T12:00:00Z", "2027-03-28T02:30:00Z"),
        ] {
            assert_eq!(
                Schedule::parse(schedule).unwrap().next_after(at(after)),
                Some(at(next)),
                "{schedule}"
            );
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for bad in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "+5 * * * *",
            "1,,2 * * * *",
            "* * * foo *",
            "0 0 30 2 *",
            "@reboot",
            "@daily x",
            "0 0 * * *\n1 1 * * *",
            "$(x) * * * *",
        ] {
            assert_eq!(Schedule::parse(bad).unwrap_err().code, Code::ScheduleInvalid, "{bad:?}");
        }
    }

    #[test]
    fn calendars_are_what_systemd_reads() {
        for (schedule, calendars) in [
            ("* * * * *", vec!["*-*-* *:*:00 UTC"]),
            ("@weekly", vec!["sun *-*-* 0:0:00 UTC"]),
            ("*/20 1,2 1 6-8 *", vec!["*-6,7,8-1 1,2:0,20,40:00 UTC"]),
            ("0 0 13 * 5", vec!["*-*-13 0:0:00 UTC", "fri *-*-* 0:0:00 UTC"]),
        ] {
            assert_eq!(Schedule::parse(schedule).unwrap().calendars(), calendars, "{schedule}");
        }
    }

    fn part(min: u32, max: u32) -> impl Strategy<Value = String> {
        prop_oneof![
            Just("*".to_owned()),
            (min..=max).prop_map(|value| value.to_string()),
            (min..=max, 0..=max, 1..=max.max(1)).prop_map(move |(first, more, step)| {
                format!("{first}-{}/{step}", (first + more).min(max))
            }),
            (1..=max.max(1)).prop_map(|step| format!("*/{step}")),
        ]
    }

    fn field(min: u32, max: u32) -> impl Strategy<Value = String> {
        proptest::collection::vec(part(min, max), 1..3).prop_map(|parts| parts.join(","))
    }

    fn any() -> impl Strategy<Value = String> {
        (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
            .prop_map(|(a, b, c, d, e)| format!("{a} {b} {c} {d} {e}"))
    }

    /// Reads back what systemd is given, for one of its events.
    fn matches(calendar: &str, moment: DateTime<Utc>) -> bool {
        let fits = |list: &str, value: u32| list == "*" || list.split(',').any(|v| v.parse() == Ok(value));
        let mut words: Vec<&str> = calendar.split(' ').collect();
        assert_eq!(words.pop(), Some("UTC"));
        let time: Vec<&str> = words.pop().unwrap().split(':').collect();
        let date: Vec<&str> = words.pop().unwrap().split('-').collect();
        assert_eq!((date.len(), date[0], time.len(), time[2]), (3, "*", 3, "00"));
        let weekday = WEEKDAYS[moment.weekday().num_days_from_sunday() as usize];
        words.pop().is_none_or(|days| days.split(',').any(|day| day == weekday))
            && fits(date[1], moment.month())
            && fits(date[2], moment.day())
            && fits(time[0], moment.hour())
            && fits(time[1], moment.minute())
    }

    proptest! {
        #[test]
        fn the_next_one_fits_and_none_is_left_out(text in any(), seconds in 1_700_000_000_i64..1_900_000_000) {
            let Ok(schedule) = Schedule::parse(&text) else { return Ok(()) };
            let start = DateTime::from_timestamp(seconds, 0).unwrap();
            let next = schedule.next_after(start).unwrap();
            let calendars = schedule.calendars();
            let fits = |moment| calendars.iter().any(|calendar| matches(calendar, moment));
            prop_assert!(next > start && fits(next), "{} {}", text, next);
            // What lies between is looked at for as long as that takes no time.
            let mut moment = start.with_second(0).unwrap() + TimeDelta::minutes(1);
            for _ in 0..20_000 {
                if moment >= next {
                    break;
                }
                prop_assert!(!fits(moment), "{} {}", text, moment);
                moment += TimeDelta::minutes(1);
            }
        }

        #[test]
        fn a_schedule_survives_its_text(text in any()) {
            let Ok(schedule) = Schedule::parse(&text) else { return Ok(()) };
            prop_assert_eq!(Schedule::parse(schedule.as_str()).unwrap(), schedule);
        }

        #[test]
        fn nothing_makes_the_parser_fail(text in ".*") {
            let _ = Schedule::parse(&text);
        }
    }
}
