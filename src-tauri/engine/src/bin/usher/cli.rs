//! From the words of the command line to an exit code.

mod args;
mod contacts;
mod doctor;
mod edit;
mod endpoints;
mod failure;
mod fixtures;
mod forwards;
mod keeping;
mod listen;
mod messages;
mod out;
mod set;
mod trigger;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;
use usher_engine::Config;
use usher_engine::api::app::Nothing;
use usher_engine::api::environments::EnvironmentRow;
use usher_engine::host::{self, Host};

use args::{Args, Command};
use failure::Failure;
use out::Out;

/// Parses, runs, and says what went wrong.
pub fn main() -> ExitCode {
    let args = Args::parse_from(args::words(std::env::args_os()));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(out::colours(&std::io::stderr()))
        .init();
    let ended = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(run(args)));
    match ended {
        Ok(()) | Err(Failure::Pipe) => ExitCode::SUCCESS,
        Err(failure) => {
            out::say(&failure.to_string());
            failure.code().into()
        }
    }
}

async fn run(args: Args) -> Result<(), Failure> {
    let mut config = Config::new(data_dir(args.data_dir)?);
    config.keychain = args.keychain.into();
    config.listen = matches!(args.command, Command::Listen(_));
    let mut out = Out::new(args.json);
    if let Command::Listen(listen) = args.command {
        return listen::run(config, listen, &mut out).await;
    }
    match args.command {
        Command::Doctor { full } => return doctor::run(config, full, &mut out).await,
        Command::Restore { file, yes } => {
            return keeping::restore(config, &file, yes, &mut out).await;
        }
        _ => {}
    }
    let host = Host::open(config).await?;
    let done = match args.command {
        Command::Listen(_) | Command::Doctor { .. } | Command::Restore { .. } => Ok(()),
        Command::Endpoints(command) => endpoints::run(&host, command, &mut out).await,
        Command::Forwards(command) => forwards::run(&host, command, &mut out).await,
        Command::Messages(command) => messages::run(&host, command, &mut out).await,
        Command::Contacts(command) => contacts::run(&host, command, &mut out).await,
        Command::Trigger(trigger) => trigger::run(&host, trigger, &mut out).await,
        Command::Fixtures(command) => fixtures::run(&host, command, &mut out).await,
        Command::Replay(replay) => messages::replay(&host, replay, &mut out).await,
        Command::Rebuild => keeping::rebuild(&host, &mut out).await,
        Command::Backup { file } => keeping::backup(&host, &file, &mut out).await,
    };
    host.close().await;
    done.and_then(|()| Ok(out.flush()?))
}

#[expect(clippy::disallowed_methods, reason = "a host reads the environment and passes it on")]
fn data_dir(named: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let folder = named.or_else(|| host::default_data_dir(|name| std::env::var_os(name)));
    let folder = folder.ok_or_else(|| {
        Failure::Usage("Where is the data folder? Name one with --data-dir DIR.".into())
    })?;
    Ok(std::path::absolute(folder)?)
}

/// The environment of that name or id; `None` when none was named.
async fn environment(host: &Host, named: Option<&str>) -> Result<Option<i64>, Failure> {
    let Some(named) = named else { return Ok(None) };
    let all: Vec<EnvironmentRow> = host.ask("environments.list", &Nothing {}).await?;
    let found = all.iter().find(|row| row.name.to_lowercase() == named.to_lowercase());
    let found = found.or_else(|| all.iter().find(|row| row.id.to_string() == named));
    found.map(|row| Some(row.id)).ok_or_else(|| {
        let there = out::there(all.iter().map(|row| row.name.as_str()));
        Failure::NotFound(format!("There is no environment \"{named}\". {there}"))
    })
}
