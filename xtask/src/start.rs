//! `run` and `package`: Usher for a person, not for its tests.

use std::env;

use crate::{
    prepare,
    shell::{Outcome, become_program, cargo, program, run, target},
};

/// Prepares the machine, builds Usher and starts its window; without a screen, the listener.
///
/// `--release` builds with optimisation; everything else goes to the program.
pub fn run_app(words: &[&str]) -> Outcome {
    let release = words.contains(&"--release");
    let rest: Vec<&str> = words.iter().copied().filter(|word| *word != "--release").collect();
    let folder = if release { "release" } else { "debug" };
    let profile = if release { "release" } else { "dev" };

    if !has_screen() {
        println!(
            "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so there is no \
             window. Starting `usher listen` instead."
        );
        prepare::compiler()?;
        run(&mut cargo([
            "build",
            "--package",
            "usher-engine",
            "--bin",
            "usher",
            "--profile",
            profile,
        ]))?;
        return become_program(program(target(folder).join("usher")).arg("listen").args(rest));
    }
    prepare::build()?;
    build_ui()?;
    run(cargo(["build", "--package", "usher-desktop", "--profile", profile])
        .args(["--features", "custom-protocol"]))?;
    become_program(program(target(folder).join("usher-desktop")).args(rest))
}

/// Makes the packages for this system.
pub fn package(words: &[&str]) -> Outcome {
    prepare::build()?;
    build_ui()?;
    let mut tauri = prepare::tauri()?;
    tauri.arg("build");
    if cfg!(target_os = "linux") {
        tauri.args(["--bundles", "deb,rpm"]);
    }
    run(tauri.args(words))?;
    println!("The packages are in {}.", target("release/bundle").display());
    Ok(())
}

/// Builds the UI into `ui/dist`, from where it goes into the program.
pub fn build_ui() -> Outcome {
    prepare::npm()?;
    run(program("npm").args(["--prefix", "ui", "run", "--silent", "build"]))
}

fn has_screen() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
