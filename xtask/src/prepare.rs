//! What a fresh machine lacks, and installing exactly that.
//!
//! Looks for the thing itself, not for a package, so that a machine prepared in another way is left
//! alone. Installs with apt, as root or through sudo, and says so; elsewhere it names what is
//! missing. Deliberately absent: installing Rust and Node.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::shell::{Outcome, cargo, on_path, output, program, root, run, succeeds, target};

struct Need {
    what: &'static str,
    here: fn() -> bool,
    debian: &'static [&'static str],
    ubuntu: &'static [&'static str],
}

const BUILD: [Need; 3] = [
    Need {
        what: "a C compiler",
        here: || on_path("cc"),
        debian: &["gcc", "libc6-dev"],
        ubuntu: &["gcc", "libc6-dev"],
    },
    Need {
        what: "pkg-config",
        here: || on_path("pkg-config"),
        debian: &["pkg-config"],
        ubuntu: &["pkg-config"],
    },
    Need {
        what: "WebKitGTK, to build the window",
        here: || succeeds(program("pkg-config").args(["--exists", "webkit2gtk-4.1"])),
        debian: &["libwebkit2gtk-4.1-dev"],
        ubuntu: &["libwebkit2gtk-4.1-dev"],
    },
];

const TEST: [Need; 5] = [
    Need {
        what: "a screen for windows nobody looks at",
        here: || on_path("Xvfb"),
        debian: &["xvfb"],
        ubuntu: &["xvfb"],
    },
    Need {
        what: "the driver of the real window",
        here: || on_path("WebKitWebDriver"),
        debian: &["webkit2gtk-driver"],
        ubuntu: &["webkit2gtk-driver"],
    },
    Need {
        what: "a bus for notifications",
        here: || on_path("dbus-daemon"),
        debian: &["dbus"],
        ubuntu: &["dbus"],
    },
    Need {
        what: "Chromium",
        here: || ["chromium", "chromium-browser", "google-chrome"].into_iter().any(on_path),
        debian: &["chromium"],
        ubuntu: &["chromium-browser"],
    },
    Need {
        what: "the driver of Chromium",
        here: || on_path("chromedriver"),
        debian: &["chromium-driver"],
        ubuntu: &["chromium-chromedriver"],
    },
];

const FUZZ: [Need; 1] = [Need {
    what: "a C++ compiler, for libFuzzer",
    here: || on_path("c++"),
    debian: &["g++"],
    ubuntu: &["g++"],
}];

/// What the engine and the command line need to compile.
pub fn compiler() -> Outcome {
    install(&BUILD[..1])
}

/// What the window needs to compile.
pub fn build() -> Outcome {
    install(&BUILD)
}

/// What the tests need beyond the build.
pub fn test() -> Outcome {
    install(&TEST)?;
    for (component, verb) in [("clippy", "clippy"), ("rustfmt", "fmt")] {
        if !succeeds(cargo([verb]).arg("--version")) {
            println!("Adding {component} with rustup.");
            run(program("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

/// What the fuzzers need beyond the compiler: libFuzzer is C++.
pub fn fuzz() -> Outcome {
    compiler()?;
    install(&FUZZ)
}

/// The UI's packages, exactly those of its lock file.
pub fn npm() -> Outcome {
    let version = output(program("node").arg("--version"))
        .map_err(|_| "Node is missing. Install Node 20 or newer, then try again.".to_owned())?;
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().is_ok_and(|major| major < 20) {
        return Err(format!("Node is {}; Usher needs Node 20 or newer.", version.trim()));
    }
    let ui = root().join("ui");
    if installed(&ui) {
        return Ok(());
    }
    println!("Installing the packages of the UI with npm.");
    run(program("npm").args(["--prefix", "ui", "ci", "--no-audit", "--no-fund"]))
}

/// The Tauri command, which is a package of the UI and runs from the root.
pub fn tauri() -> Outcome<Command> {
    npm()?;
    Ok(program(root().join("ui/node_modules/.bin/tauri")))
}

/// `cargo-NAME` from PATH, or built once into the target folder.
pub fn tool(name: &str) -> Outcome<Command> {
    let whole = format!("cargo-{name}");
    if on_path(&whole) {
        return Ok(cargo([name]));
    }
    let home = target("tools");
    let built = home.join("bin").join(&whole);
    if !built.is_file() {
        println!("Building {whole} into {}, once.", home.display());
        run(cargo(["install", "--locked", "--debug", &whole, "--root"])
            .arg(&home)
            .env("CARGO_TARGET_DIR", target("tools/build")))?;
        let _ = fs::remove_dir_all(target("tools/build"));
    }
    let mut command = program(built);
    command.arg(name);
    Ok(command)
}

fn install(needs: &[Need]) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.here)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let ubuntu = fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line == "ID=ubuntu"));
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| if ubuntu { need.ubuntu } else { need.debian })
        .copied()
        .collect();
    if !on_path("apt-get") {
        return Err(format!(
            "this machine lacks {what}. Install what your system calls {}, then try again.",
            packages.join(", ")
        ));
    }
    let root = output(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root && !on_path("sudo") {
        return Err(format!(
            "this machine lacks {what}. As root: apt-get install {}",
            packages.join(" ")
        ));
    }
    println!("This machine lacks {what}. Installing {} with apt-get.", packages.join(" "));
    let apt = |words: &[&str]| {
        let mut command = program(if root { "env" } else { "sudo" });
        if !root {
            command.arg("env");
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(words);
        run(&mut command)
    };
    apt(&["update", "--quiet"])?;
    let mut words = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    words.extend(packages);
    apt(&words)?;
    match missing.iter().find(|need| !(need.here)()) {
        None => Ok(()),
        Some(need) => Err(format!("{} is still missing after apt-get installed it", need.what)),
    }
}

/// npm writes its own record last, so one that is older than the lock file is of another lock file.
fn installed(ui: &Path) -> bool {
    let time = |path: PathBuf| fs::metadata(path).and_then(|data| data.modified()).ok();
    let (record, lock) =
        (time(ui.join("node_modules/.package-lock.json")), time(ui.join("package-lock.json")));
    matches!((record, lock), (Some(record), Some(lock)) if record + Duration::from_secs(5) >= lock)
}
