//! WebKitGTK without a graphics card: its shared-memory renderer is six times faster there, and it
//! need not load Mesa's software renderer into this process to find out that there is no card.
//!
//! WebKit and GDK read such choices from the environment of the process, so they are made before
//! either is started. Deliberately absent: starting this program anew with another environment,
//! which would load its hundred and seventy libraries twice.

/// What is chosen, each unless the person chose already.
#[cfg(target_os = "linux")]
const CHOICES: [(&str, &str); 3] = [
    ("WEBKIT_DISABLE_DMABUF_RENDERER", "1"),
    ("WEBKIT_WEB_RENDER_DEVICE_FILE", "/dev/null"),
    ("GDK_GL", "disable"),
];

/// Chooses the better renderer. To be called first of all: nothing but this thread may read the
/// environment meanwhile.
#[cfg(target_os = "linux")]
pub fn choose() {
    if has_card() {
        return;
    }
    for (name, value) in CHOICES {
        if let Err(error) = glib::setenv(name, value, false) {
            eprintln!("Usher goes on with the slower renderer: {error}");
        }
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
