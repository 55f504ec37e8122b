//! npm's audit of the lock files, where the registry answers it.
//!
//! What runs is audited, not what builds and tests it. Deliberately absent: exceptions. A finding
//! that does not concern Usher ends with an update, or by raising a level here with its reason.

use crate::shell::{Outcome, program, root, run};

/// Folders with the least severity that fails.
///
/// The screens show what strangers sent, and what lets a text become markup is often rated moderate.
/// The rivals run on loopback for the minutes of a bench: only code of somebody else's would matter.
const LOCKED: [(&str, &str); 2] = [("ui", "moderate"), ("tests/bench/rivals", "critical")];

/// What npm came to.
#[derive(Debug, PartialEq, Eq)]
enum Audit<'a> {
    /// The registry answered, and nothing is as severe.
    Clean,
    /// The registry answered, and something is.
    Found,
    /// The registry did not answer; what npm says.
    Unanswered(&'a str),
    /// npm did not get as far as asking.
    Broken,
}

/// Audits each lock file; says so where the registry does not answer.
pub fn check() -> Outcome {
    for (folder, level) in LOCKED {
        // Offline, npm would report an empty list instead of nothing.
        let audit = |form: &[&str]| {
            let mut npm = program("npm");
            npm.current_dir(root().join(folder)).args(["audit", "--package-lock-only"]);
            npm.args(["--omit=dev", "--no-offline", "--fetch-retries=0", "--audit-level", level]);
            npm.args(form);
            npm
        };
        let output = audit(&["--json", "--loglevel=silent"]).output();
        let output = output.map_err(|error| format!("`npm audit` did not start: {error}"))?;
        let answer = String::from_utf8_lossy(&output.stdout);
        match judge(output.status.success(), &answer) {
            Audit::Clean => {}
            Audit::Found => {
                let _ = run(&mut audit(&[]));
                return Err(format!(
                    "{folder} depends on packages with known holes, listed above. Update them."
                ));
            }
            Audit::Unanswered(why) => {
                println!(
                    "{folder}: not checked, the registry does not answer audits from here ({why})"
                );
            }
            Audit::Broken => return Err(format!("npm could not audit {folder}: {answer}")),
        }
    }
    Ok(())
}

fn judge(succeeded: bool, answer: &str) -> Audit<'_> {
    let said = |name: &str| {
        let (_, rest) = answer.split_once(&format!("\n  \"{name}\": "))?;
        Some(rest.lines().next().unwrap_or_default().trim_end_matches(',').trim_matches('"'))
    };
    match (said("auditReportVersion"), said("message")) {
        (Some(_), _) if succeeded => Audit::Clean,
        (Some(_), _) => Audit::Found,
        (None, Some(why)) => Audit::Unanswered(why),
        (None, None) => Audit::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_from_a_registry_that_does_not_answer() {
        let report = "{\n  \"auditReportVersion\": 2,\n  \"vulnerabilities\": {\n    \"message\": {}\n  }\n}\n";
        let refused = "{\n  \"message\": \"405 Method Not Allowed - POST https://registry\",\n  \"statusCode\": 405,\n  \"error\": {}\n}\n";
        let unreached =
            "{\n  \"message\": \"request to http://registry failed\",\n  \"error\": {}\n}\n";
        let no_lock =
            "{\n  \"error\": {\n    \"code\": \"ENOLOCK\",\n    \"message\": \"\"\n  }\n}\n";
        for (succeeded, answer, expected) in [
            (true, report, Audit::Clean),
            (false, report, Audit::Found),
            (false, refused, Audit::Unanswered("405 Method Not Allowed - POST https://registry")),
            (true, refused, Audit::Unanswered("405 Method Not Allowed - POST https://registry")),
            (false, unreached, Audit::Unanswered("request to http://registry failed")),
            (false, no_lock, Audit::Broken),
            (false, "", Audit::Broken),
            (true, "", Audit::Broken),
        ] {
            assert_eq!(judge(succeeded, answer), expected, "{answer}");
        }
    }
}
