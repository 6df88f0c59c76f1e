//! Scenarios from the test suites of other circuit breakers, replayed against the core.
//!
//! Must not know: what a peer's configuration means. `tests/traces/plan.json` says which options stand for it, for this
//! layer and the two in JavaScript; tests/README.md explains the plan. A line of what is left out is printed
//! with its reason.

use crate::worked::{NO_CHANCE, breaker};
use halfopen::core::{Admission, Breaker, Field, Outcome, Permit, Refusal, State, Verdict};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const LAYER: &str = "core";

#[test]
fn every_trace_that_has_a_plan_is_replayed_and_its_expectations_are_met() {
    let plan = read(&folder().join("plan.json"));
    let (mut replayed, mut compared, mut lines, mut wrong) = (0, 0, Vec::new(), Vec::new());
    for trace in traces() {
        let id = text(&trace["id"]);
        match standing(&plan, id) {
            Err(problem) => wrong.push(problem),
            Ok(Standing::NotHere(reason)) => lines.push(format!("not replayed: {id}: {reason}")),
            Ok(Standing::Replayed) => {
                replayed += 1;
                let mut replay = Replay::of(&plan, &trace);
                replay.run(&trace);
                compared += replay.compared;
                wrong.append(&mut replay.wrong);
            }
        }
    }
    lines.push(format!("traces replayed in the core: {replayed}, with {compared} expectations"));
    print(&lines);
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(replayed > 0 && compared > 0, "nothing was replayed");
}

#[test]
fn the_plan_names_every_trace_once_and_no_other() {
    let ids: Vec<_> = traces().iter().map(|trace| text(&trace["id"]).to_owned()).collect();
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len(), "two traces have one id");
    let plan = read(&folder().join("plan.json"));
    let planned: BTreeSet<_> = object(&plan["traces"]).keys().cloned().collect();
    assert_eq!(planned, distinct);
}

#[test]
fn the_readme_lists_every_trace_left_out_with_its_reason() {
    let plan = read(&folder().join("plan.json"));
    let left_out = object(&plan["traces"]).iter().filter_map(|(id, entry)| {
        let reason = entry["leftOut"].as_str()?;
        Some(format!("| `{id}` | {reason} |"))
    });
    let expected: BTreeSet<_> = left_out.collect();
    let readme = fs::read_to_string(folder().join("../README.md")).expect("tests/README.md");
    // Only the name of a trace has a slash between the first two backticks of a row.
    let is_row =
        |line: &&str| line.starts_with("| `") && line.split('`').nth(1).is_some_and(|id| id.contains('/'));
    let found: BTreeSet<_> = readme.lines().filter(is_row).map(str::to_owned).collect();
    let table = expected.iter().cloned().collect::<Vec<_>>().join("\n");
    assert!(found == expected, "tests/README.md should have these rows:\n{table}\n");
}

enum Standing {
    Replayed,
    NotHere(String),
}

/// What the plan says about a trace in this layer; an error when it says nothing.
fn standing(plan: &Value, id: &str) -> Result<Standing, String> {
    let entry = &plan["traces"][id];
    if let Some(reason) = entry["leftOut"].as_str().filter(|reason| !reason.is_empty()) {
        return Ok(Standing::NotHere(reason.to_owned()));
    }
    if !entry["options"].is_object() {
        return Err(format!("{id}: the plan has neither options nor a reason to leave it out"));
    }
    let missing = missing(plan, entry, LAYER);
    if missing.is_empty() {
        Ok(Standing::Replayed)
    } else {
        Ok(Standing::NotHere(format!("waits for {}", missing.join(", "))))
    }
}

/// What the trace needs and the layer does not have, in words.
fn missing(plan: &Value, entry: &Value, layer: &str) -> Vec<String> {
    let has: BTreeSet<_> = list(&plan["layers"][layer]).collect();
    let needs = list(&entry["needs"]).filter(|need| !has.contains(need));
    needs.map(|need| text(&plan["features"][need]).to_owned()).collect()
}

/// One breaker under one trace.
struct Replay<'a> {
    plan: &'a Value,
    id: &'a str,
    peer: &'a Value,
    entry: &'a Value,
    breaker: Breaker,
    now: f64,
    held: BTreeMap<&'a str, Permit>,
    compared: usize,
    wrong: Vec<String>,
}

impl<'a> Replay<'a> {
    fn of(plan: &'a Value, trace: &'a Value) -> Self {
        let id = text(&trace["id"]);
        let entry = &plan["traces"][id];
        let mut replay = Replay {
            plan,
            id,
            peer: &plan["peers"][text(&trace["peer"])],
            entry,
            breaker: breaker(&options(&entry["options"])),
            now: number(&plan["start"]),
            held: BTreeMap::new(),
            compared: 0,
            wrong: Vec::new(),
        };
        for deed in list(&entry["begins"]) {
            replay.control(deed, &Value::Null);
        }
        replay
    }

    fn run(&mut self, trace: &'a Value) {
        for (number, step) in array(&trace["steps"]).iter().enumerate() {
            let answer = self.step(step);
            let state = match text(&self.peer["reads"]) {
                "check" => self.breaker.check(self.now, NO_CHANCE),
                "state" => self.breaker.state(),
                other => panic!("a peer's state is read by `state` or `check`, not by `{other}`"),
            };
            // Some of its states are our modes.
            let state = self.peer["modes"][self.breaker.mode().name()].as_str().unwrap_or(state.name());
            for expectations in [&step["expect"], &step["also"]] {
                for (path, expected) in leaves(expectations) {
                    self.compare(number, step, &path, expected, answer, state);
                }
            }
        }
    }

    /// Does one step and answers what an admission in it answered, with the ms to wait after a refusal.
    fn step(&mut self, step: &'a Value) -> Option<Result<(), (Refusal, f64)>> {
        match text(&step["op"]) {
            "advance" => self.now += number(&step["ms"]),
            "read" => {}
            "begin" => {
                let answer = self.admit();
                return Some(answer.map(|permit| {
                    self.held.insert(text(&step["id"]), permit);
                }));
            }
            "end" => {
                let permit =
                    self.held.remove(text(&step["id"])).expect("a call that was admitted and not ended");
                self.settle(permit, step);
            }
            "record" if step["durationMs"].is_null() => {
                self.breaker.record(self.verdict(step).outcome, self.now, NO_CHANCE)
            }
            // Recorded by hand a result has no duration, so it goes through a call.
            "call" | "record" => {
                let answer = self.admit();
                return Some(answer.map(|permit| self.settle(permit, step)));
            }
            "control" => {
                for deed in list(&self.plan["controls"][text(&step["action"])]) {
                    self.control(deed, step);
                }
            }
            other => panic!("no step is called `{other}`"),
        }
        None
    }

    fn admit(&mut self) -> Result<Permit, (Refusal, f64)> {
        match self.breaker.admit(self.now, NO_CHANCE) {
            Admission::Granted(permit) => Ok(permit),
            Admission::Refused(refusal) => Err((refusal, self.breaker.retry_after(self.now))),
        }
    }

    fn settle(&mut self, permit: Permit, step: &Value) {
        let elapsed = step["durationMs"].as_f64().unwrap_or(f64::NAN);
        self.breaker.settle(permit, self.verdict(step), elapsed, self.now, NO_CHANCE);
    }

    fn control(&mut self, deed: &str, step: &Value) {
        match deed {
            "trip" => self.breaker.trip(self.now),
            "reset" => self.breaker.reset(self.now),
            "check" => {
                self.breaker.check(self.now, NO_CHANCE);
            }
            "isolate" => self.breaker.isolate(self.now),
            "disable" => self.breaker.disable(),
            "observe" => self.breaker.observe(),
            "enable" => self.breaker.enable(),
            "wait" => self.now += self.breaker.open_time(),
            "tripFor" => self.breaker.trip_for(number(&step["ms"]), self.now).expect("a good time"),
            other => panic!("this layer has no `{other}`"),
        }
    }

    /// What the trace calls an outcome, in our words: as the plan has it for this trace, else as the notation has it.
    fn verdict(&self, step: &Value) -> Verdict {
        let word = text(&step["outcome"]);
        if let Some(retry_after) = self.entry["asks"][word].as_f64() {
            return Verdict { outcome: Outcome::Failure, retry_after, trips: true };
        }
        match self.entry["outcomes"][word].as_str().unwrap_or(word) {
            "ok" | "success" => Outcome::Success.into(),
            "fail" | "panic" | "failure" => Outcome::Failure.into(),
            "ignore" | "release" | "ignored" => Outcome::Ignored.into(),
            other => panic!("no outcome is called `{other}`"),
        }
    }

    /// A count of ours by its name in the plan; null where the breaker has none, being without a window.
    fn count(&self, name: &str) -> Value {
        let counts = self.breaker.window(self.now);
        let minimum = self.breaker.config().get(Field::MinimumCalls).unwrap_or(0.0);
        let share = |part: u32, calls: u32| if calls == 0 { 0.0 } else { f64::from(part) / f64::from(calls) };
        // -1 stands for a rate that is not judged yet.
        let percent = |part: u32, calls: u32| {
            if calls == 0 || f64::from(calls) < minimum { -1.0 } else { 100.0 * share(part, calls) }
        };
        match (name, counts) {
            ("failureCount", _) => self.breaker.failure_count().into(),
            ("successCount", _) => self.breaker.success_count().into(),
            ("retryAfter", _) => self.breaker.retry_after(self.now).into(),
            ("windowCalls" | "windowFailures" | "windowSlowCalls" | "windowSuccesses", None) => Value::Null,
            ("failureShare" | "failurePercent" | "slowPercent", None) => Value::Null,
            ("windowCalls", Some(counts)) => counts.calls.into(),
            ("windowFailures", Some(counts)) => counts.failures.into(),
            ("windowSlowCalls", Some(counts)) => counts.slow.into(),
            ("windowSuccesses", Some(counts)) => (counts.calls - counts.failures).into(),
            ("failureShare", Some(counts)) => share(counts.failures, counts.calls).into(),
            ("failurePercent", Some(counts)) => percent(counts.failures, counts.calls).into(),
            ("slowPercent", Some(counts)) => percent(counts.slow, counts.calls).into(),
            (other, _) => panic!("no count is called `{other}`"),
        }
    }

    /// The states left and entered by each state change.
    fn changes(&self) -> Vec<(&'static str, &'static str)> {
        let name = |number: f64| State::ALL[number as usize].name();
        let numbers = self.breaker.log().numbers(0.0);
        numbers.chunks(4).map(|change| (name(change[0]), name(change[1]))).collect()
    }

    fn compare(
        &mut self,
        number: usize,
        step: &Value,
        path: &str,
        expected: &Value,
        answer: Option<Result<(), (Refusal, f64)>>,
        state: &str,
    ) {
        let (head, leaf) = path.split_once('.').unwrap_or((path, ""));
        let actual = match head {
            "state" => Value::from(state),
            "admitted" => Value::from(answer.map(|answer| answer.is_ok())),
            "rejectedAs" => {
                let by = match answer {
                    Some(Err((Refusal::Open, _))) => "open",
                    Some(Err((Refusal::HalfOpenFull, _))) => "half_open",
                    Some(Err((Refusal::Isolated, _))) => "isolated",
                    _ => "nobody",
                };
                let ours = list(&self.peer["refusals"][text(expected)]);
                if ours.into_iter().any(|name| name == by) { expected.clone() } else { Value::from(by) }
            }
            "retryAfterMs" => Value::from(answer.and_then(Result::err).map(|(_, ms)| ms)),
            "lastEvent" => {
                let last = self.changes().into_iter().last();
                last.map_or(Value::Null, |(from, to)| Value::from(vec![from, to]))
            }
            "events" if self.peer["events"][leaf].is_string() => {
                let entered = text(&self.peer["events"][leaf]);
                Value::from(self.changes().into_iter().filter(|(_, to)| *to == entered).count())
            }
            _ => {
                let counts = &self.peer["counts"];
                match counts[state][path].as_str() {
                    Some(name) => match self.count(name) {
                        Value::Null => return,
                        count => count,
                    },
                    None => {
                        // Ours in another state, or one of those that the plan leaves aside on purpose.
                        let known =
                            counts.as_object().into_iter().flatten().any(|(_, paths)| !paths[path].is_null());
                        assert!(
                            known || self.plan["notCompared"][path].is_string(),
                            "{}: nobody compares `{path}`",
                            self.id
                        );
                        return;
                    }
                }
            }
        };
        self.compared += 1;
        let same = match (actual.as_f64(), expected.as_f64()) {
            (Some(actual), Some(expected)) => actual == expected,
            _ => actual == *expected,
        };
        if !same {
            let id = self.id;
            self.wrong.push(format!("{id}, step {number} {step}: {path} should be {expected}, is {actual}"));
        }
    }
}

/// The expectations of a step by their paths: `state`, `counts.ConsecutiveFailures` … A count of counts, such as
/// `buckets`, is one expectation.
fn leaves(expectations: &Value) -> Vec<(String, &Value)> {
    let mut leaves = Vec::new();
    for (name, value) in expectations.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(parts) if parts.values().all(|part| !part.is_object()) => {
                leaves.extend(parts.iter().map(|(part, value)| (format!("{name}.{part}"), value)));
            }
            _ => leaves.push((name.clone(), value)),
        }
    }
    leaves
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces")
}

/// Every trace of every peer.
fn traces() -> Vec<Value> {
    let mut files: Vec<_> = fs::read_dir(folder())
        .expect("tests/traces")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter(|path| path.file_name().is_some_and(|name| name != "plan.json"))
        .collect();
    files.sort();
    files.iter().flat_map(|file| array(&read(file)).clone()).collect()
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes past the capture of test output, so that it shows when all is well, too.
fn print(lines: &[String]) {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}").expect("stdout");
    }
}

/// The options of a plan, which are written as users write them: the numbers of a group are its members.
fn options(plan: &Value) -> Vec<(Field, f64)> {
    let mut options = Vec::new();
    for (name, value) in object(plan) {
        match value.as_object() {
            Some(group) => {
                let members = group.iter().filter(|(member, _)| *member != "type");
                options.extend(
                    members.map(|(member, value)| (field(&format!("{name}.{member}")), number(value))),
                );
            }
            None => options.push((field(name), number(value))),
        }
    }
    options
}

fn field(name: &str) -> Field {
    let field = Field::ALL.into_iter().find(|field| field.name() == name);
    field.unwrap_or_else(|| panic!("the core has no option `{name}`"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("expected a text, got {value}"))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, got {value}"))
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("expected a list, got {value}"))
}

fn object(value: &Value) -> &serde_json::Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("expected an object, got {value}"))
}

/// The texts of a list; none when there is no list.
fn list(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().map(text)
}
