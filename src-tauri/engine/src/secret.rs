//! Where secrets are kept: the system keychain, or a file only its owner can read.
//!
//! Deliberately absent: what the secrets mean (signing.rs) and encryption of the file. A key beside
//! the lock would protect nothing; the file's mode does, and Settings says so plainly.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

const SERVICE: &str = "dev.usher.desktop";
/// How long the keychain may take, an unlock prompt included.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which store a host asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The system keychain when it works, else the file.
    Auto,
    /// The file.
    File,
}

/// Which store an entry is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// System keychain.
    System,
    /// The secrets file.
    File,
}

impl Place {
    /// The word stored in the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::File => "file",
        }
    }

    /// The place of a stored word.
    pub fn of(word: &str) -> Self {
        if word == "system" { Self::System } else { Self::File }
    }
}

/// Why a secret could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The system keychain said no.
    #[error("The system keychain did not answer: {0}. Unlock it and try again.")]
    Keychain(String),
    /// The file could not be read or written.
    #[error("The secrets file {} could not be used: {source}", .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}

/// The store in use.
#[derive(Debug)]
pub struct Keys {
    choice: Choice,
    place: Place,
    sentence: String,
    file: PathBuf,
    writing: tokio::sync::Mutex<()>,
}

impl Keys {
    /// Chooses the store: the keychain if a canary can be written, read and deleted, else the file
    /// `secrets.json` in `folder`.
    pub async fn open(choice: Choice, folder: &Path) -> Self {
        let file = folder.join("secrets.json");
        let (place, sentence) = match choice {
            Choice::File => (Place::File, file_sentence(&file, "the file was asked for")),
            Choice::Auto => match in_keychain(canary).await {
                Ok(()) => (Place::System, "Secrets are kept in the system keychain.".to_owned()),
                Err(error) => (Place::File, file_sentence(&file, &reason(&error))),
            },
        };
        Self { choice, place, sentence, file, writing: tokio::sync::Mutex::new(()) }
    }

    /// Writes, reads and deletes a value that means nothing, in the store in use.
    ///
    /// # Errors
    /// When the store does not do all three.
    pub async fn probe(&self) -> Result<(), KeysError> {
        match self.place {
            Place::System => in_keychain(canary).await,
            Place::File => {
                self.rewrite(|all| {
                    all.insert("canary".to_owned(), "usher".to_owned());
                })
                .await?;
                self.get(Place::File, "canary").await?;
                self.forget(Place::File, "canary").await
            }
        }
    }

    /// Which store was asked for.
    pub fn choice(&self) -> Choice {
        self.choice
    }

    /// Where new secrets go.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The same in words.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// Keeps `value` under `account`.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn put(&self, account: &str, value: &str) -> Result<(), KeysError> {
        match self.place {
            Place::System => {
                let (account, value) = (account.to_owned(), Zeroizing::new(value.to_owned()));
                in_keychain(move || entry(&account)?.set_password(&value)).await
            }
            Place::File => {
                self.rewrite(|all| {
                    all.insert(account.to_owned(), value.to_owned());
                })
                .await
            }
        }
    }

    /// The value under `account`; `None` when there is none any more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn get(
        &self,
        place: Place,
        account: &str,
    ) -> Result<Option<Zeroizing<String>>, KeysError> {
        match place {
            Place::System => {
                let account = account.to_owned();
                in_keychain(move || match entry(&account)?.get_password() {
                    Ok(value) => Ok(Some(Zeroizing::new(value))),
                    Err(keyring::Error::NoEntry) => Ok(None),
                    Err(error) => Err(error),
                })
                .await
            }
            Place::File => Ok(read(&self.file)?.remove(account).map(Zeroizing::new)),
        }
    }

    /// Forgets what is under `account`; nothing there is fine.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn forget(&self, place: Place, account: &str) -> Result<(), KeysError> {
        match place {
            Place::System => {
                let account = account.to_owned();
                in_keychain(move || match entry(&account)?.delete_credential() {
                    Err(keyring::Error::NoEntry) | Ok(()) => Ok(()),
                    Err(error) => Err(error),
                })
                .await
            }
            Place::File => {
                self.rewrite(|all| {
                    all.remove(account);
                })
                .await
            }
        }
    }

    async fn rewrite(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<(), KeysError> {
        let _one_at_a_time = self.writing.lock().await;
        let mut all = read(&self.file)?;
        change(&mut all);
        replace(&self.file, &all)
            .map_err(|source| KeysError::File { file: self.file.clone(), source })
    }
}

/// Why the keychain is not in use, to stand inside a sentence.
fn reason(error: &KeysError) -> String {
    match error {
        KeysError::Keychain(why) => format!("the system keychain did not answer: {why}"),
        KeysError::File { source, .. } => source.to_string(),
    }
}

fn file_sentence(file: &Path, why: &str) -> String {
    format!(
        "Secrets are kept in {}, which only your user account can read, because {why}.",
        file.display()
    )
}

fn entry(account: &str) -> keyring::Result<keyring::Entry> {
    keyring::Entry::new(SERVICE, account)
}

fn canary() -> keyring::Result<()> {
    let canary = entry("canary")?;
    canary.set_password("usher")?;
    let back = canary.get_password()?;
    canary.delete_credential()?;
    if back == "usher" {
        Ok(())
    } else {
        Err(keyring::Error::Invalid("canary".to_owned(), "came back changed".to_owned()))
    }
}

async fn in_keychain<T, F>(work: F) -> Result<T, KeysError>
where
    T: Send + 'static,
    F: FnOnce() -> keyring::Result<T> + Send + 'static,
{
    match tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(keyring::Error::NoDefaultStore))) => {
            Err(KeysError::Keychain("no keychain service is running".to_owned()))
        }
        Ok(Ok(Err(error))) => Err(KeysError::Keychain(error.to_string())),
        Ok(Err(_)) => Err(KeysError::Keychain("it ended unexpectedly".to_owned())),
        Err(_) => Err(KeysError::Keychain("it took longer than 20 seconds".to_owned())),
    }
}

fn read(file: &Path) -> Result<BTreeMap<String, String>, KeysError> {
    let fail = |source| KeysError::File { file: file.to_owned(), source };
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| fail(std::io::Error::new(std::io::ErrorKind::InvalidData, error))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(fail(error)),
    }
}

fn replace(file: &Path, all: &BTreeMap<String, String>) -> std::io::Result<()> {
    let text = Zeroizing::new(serde_json::to_vec_pretty(all).map_err(std::io::Error::other)?);
    let fresh = file.with_extension("json.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&fresh)?;
    out.write_all(&text)?;
    out.sync_all()?;
    std::fs::rename(&fresh, file)?;
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_the_file_is_used_reads_as_one_sentence() {
        let silent = KeysError::Keychain("no keychain service is running".to_owned());
        assert_eq!(
            file_sentence(Path::new("/d/secrets.json"), &reason(&silent)),
            "Secrets are kept in /d/secrets.json, which only your user account can read, because \
             the system keychain did not answer: no keychain service is running."
        );
    }
}
