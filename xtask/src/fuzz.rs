//! `fuzz`: looks for inputs that break a law of `tests/kit/fuzz`, with cargo-fuzz and libFuzzer.
//!
//! Starts from the committed corpus and from what earlier runs found, which is kept in the target
//! folder. Deliberately absent: a sanitizer, which would need the nightly toolchain and half of the
//! speed to look for what safe Rust cannot do; and adding to the committed corpus. A person does
//! that, under a name that says what the input is; from then on every test run repeats it.

use std::{fs, path::Path, time::SystemTime};

use crate::{
    prepare,
    shell::{Outcome, root, run, target},
};

const TARGETS: [&str; 5] = ["framing", "request", "payload", "signature", "merge"];

const HELP: &str = "\
usage: cargo xtask fuzz [TARGET] [--seconds N]

  --seconds N   how long to look, for each target (60)

  framing    heads and chunked bodies, as the guard reads them
  request    the path after the guard: signature, time, payload, contact
  payload    what a body says
  signature  secrets as people paste them, and what they sign
  merge      messages and edits in several orders

The targets are run one after the other. What they find goes to target/fuzz/corpus; an input that
breaks a law goes to tests/fuzz/artifacts and ends the run.
";

/// Builds the targets and runs one of them, or each.
pub fn look(words: &[&str]) -> Outcome {
    let (chosen, seconds): (&[&str], &str) = match words {
        [] => (&TARGETS, "60"),
        ["--seconds", seconds] => (&TARGETS, seconds),
        [one] if TARGETS.contains(one) => (words, "60"),
        [one, "--seconds", seconds] if TARGETS.contains(one) => (&words[..1], seconds),
        ["--help" | "-h"] => {
            print!("{HELP}");
            return Ok(());
        }
        _ => return Err(format!("`fuzz` does not know these words.\n\n{HELP}")),
    };
    if !matches!(seconds.parse::<u32>(), Ok(1..)) {
        return Err(format!("\"{seconds}\" is not a number of seconds, such as 60."));
    }
    prepare::fuzz()?;
    same_versions()?;
    for name in chosen {
        println!("── {name}, for {seconds} s");
        let kept = target("fuzz/corpus").join(name);
        fs::create_dir_all(&kept).map_err(|error| format!("{}: {error}", kept.display()))?;
        let mut fuzz = prepare::tool("fuzz")?;
        fuzz.args(["run", "--sanitizer", "none", "--fuzz-dir", "tests/fuzz", "--target-dir"]);
        fuzz.arg(target("fuzz"));
        fuzz.arg(name).arg(kept).arg(format!("tests/fuzz/corpus/{name}"));
        fuzz.args(["--", "-max_len=16384", "-timeout=20", "-print_final_stats=1"]);
        fuzz.arg(format!("-max_total_time={seconds}"));
        fuzz.arg(format!("-dict=tests/fuzz/words/{name}.dict"));
        run(&mut fuzz).map_err(|reason| broken(name, &reason))?;
    }
    Ok(())
}

fn broken(name: &str, reason: &str) -> String {
    format!(
        "{reason}\nIf an input broke {name}, it is in tests/fuzz/artifacts/{name}. Keep it by \
         copying it to tests/fuzz/corpus/{name} under a name that says what it is: then \
         `cargo test fuzz::{name}` fails until the reason is gone."
    )
}

/// The fuzzers' workspace takes its versions from the lock file at the root; cargo adds libFuzzer.
fn same_versions() -> Outcome {
    let (tested, fuzzed) = (root().join("Cargo.lock"), root().join("tests/fuzz/Cargo.lock"));
    if changed(&fuzzed) < changed(&tested) {
        fs::copy(&tested, &fuzzed).map_err(|error| format!("{}: {error}", fuzzed.display()))?;
    }
    Ok(())
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|data| data.modified()).ok()
}
