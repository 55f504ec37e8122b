//! Messages as a file among the person's downloads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::copying::written;
use crate::Engine;
use crate::api::ApiError;
use crate::api::messages::{CopyFormat, CopyMessages, Saved};

/// Writes messages into a new file, which only the person can read.
pub(in crate::api) async fn save(engine: &Engine, asked: CopyMessages) -> Result<Saved, ApiError> {
    let ending = match asked.format {
        CopyFormat::Har => "har",
        CopyFormat::Json => "json",
        CopyFormat::Curl | CopyFormat::Fetch | CopyFormat::Http => {
            return Err(ApiError::invalid(
                "Only HAR and JSON are saved. The other forms are signed, which is good for five \
                 minutes: copy them.",
            ));
        }
    };
    let folder = engine.folders().for_saving().ok_or_else(|| {
        ApiError::unavailable("There is neither a Downloads folder nor a home folder to save into.")
    })?;
    let (text, count) = written(engine, asked).await?;
    let now = Timestamp::from_millisecond(engine.now())
        .map_err(|error| ApiError::unavailable(error.to_string()))?;
    let minute = now.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H%M");
    let stem = format!("usher-messages-{minute}");
    let place = engine.folders().shown(&folder);
    let made = tokio::task::spawn_blocking(move || write_new(&folder, &stem, ending, &text));
    let path = made.await.map_err(io::Error::other).flatten().map_err(|error| {
        ApiError::unavailable(format!("Nothing could be saved in {place}: {error}."))
    })?;
    Ok(Saved {
        shown: engine.folders().shown(&path),
        path: path.display().to_string(),
        count: i64::try_from(count).unwrap_or(i64::MAX),
    })
}

/// Writes a file of this name, or of one with a number behind it when there is such a file already.
fn write_new(folder: &Path, stem: &str, ending: &str, text: &str) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let behind = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("{stem}{behind}.{ending}"));
        match create(&path) {
            Ok(mut file) => {
                let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                if done.is_err() {
                    let _ = fs::remove_file(&path);
                }
                return done.map(|()| path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
