//! `usher doctor`: the engine's checks, also when the database does not open.

use std::io;

use usher_engine::Config;
use usher_engine::api::diagnostics::{Check, DoctorArgs, Verdict, doctor_closed};
use usher_engine::host::Host;

use super::failure::Failure;
use super::out::{Out, colours, counted, printable};

/// Looks at everything and tells of it; fails when something failed.
pub async fn run(config: Config, full: bool, out: &mut Out) -> Result<(), Failure> {
    let checks: Vec<Check> = match Host::open(config.clone()).await {
        Ok(host) => {
            let asked = host.ask("diagnostics.doctor", &DoctorArgs { full }).await;
            host.close().await;
            asked?
        }
        Err(error) => doctor_closed(&config, &error.to_string()).await,
    };
    for check in &checks {
        tell(check, out)?;
    }
    out.flush()?;
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Failed).count();
    match i64::try_from(failed) {
        Ok(0) => Ok(()),
        Ok(failed) => Err(Failure::Failed(format!("{} failed.", counted(failed, "check")))),
        Err(_) => Err(Failure::Failed("Many checks failed.".into())),
    }
}

fn tell(check: &Check, out: &mut Out) -> io::Result<()> {
    if out.json {
        return out.object(check);
    }
    let (word, colour) = match check.verdict {
        Verdict::Ok => ("ok", "32"),
        Verdict::Warning => ("warning", "33"),
        Verdict::Failed => ("failed", "31"),
        Verdict::Unknown => ("unknown", "2"),
    };
    let (on, off) = if colours(&io::stdout()) {
        (format!("\x1b[{colour}m"), "\x1b[0m")
    } else {
        (String::new(), "")
    };
    let sentence = printable(&check.sentence);
    out.line(&format!("{on}{word:<8}{off} {:<12} {sentence}", check.name))?;
    match &check.remedy {
        Some(remedy) => out.line(&format!("{:22}→ {}", "", printable(remedy))),
        None => Ok(()),
    }
}
