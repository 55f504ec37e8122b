//! WebKitGTK without a graphics card: its shared-memory renderer is six times faster there.
//!
//! WebKit reads the choice from the environment of the process. Changing one's own environment is
//! not safe once threads run, so the program replaces itself with itself, the variable set.

#[cfg(target_os = "linux")]
const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Starts this program anew with the better renderer, or returns at once where it is chosen already.
#[cfg(target_os = "linux")]
pub fn choose() {
    use std::{env, os::unix::process::CommandExt, process::Command};

    if env::var_os(SWITCH).is_some() || has_card() {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let error = Command::new(program).args(env::args_os().skip(1)).env(SWITCH, "1").exec();
        eprintln!("Usher goes on with the slower renderer: {error}");
    }
}

/// Other systems choose by themselves.
#[cfg(not(target_os = "linux"))]
pub fn choose() {}

#[cfg(target_os = "linux")]
fn has_card() -> bool {
    std::fs::read_dir("/dev/dri").is_ok_and(|devices| {
        devices.flatten().any(|device| device.file_name().to_string_lossy().starts_with("renderD"))
    })
}
