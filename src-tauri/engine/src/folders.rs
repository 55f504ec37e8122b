//! The person's own folders: what `~` stands for, and where files that they save go.

use std::path::{Path, PathBuf};

/// Where a person keeps things.
#[derive(Debug, Clone, Default)]
pub struct Folders {
    /// Their home folder.
    pub home: Option<PathBuf>,
    /// Where the system puts downloads; `Downloads` in the home folder when it does not say.
    pub downloads: Option<PathBuf>,
}

impl Folders {
    /// Those of the person who runs this program.
    #[must_use]
    pub fn own() -> Self {
        Self { home: dirs::home_dir(), downloads: dirs::download_dir() }
    }

    /// The full path of what a person wrote, in which `~` at the beginning is the home folder;
    /// `None` when it is not a full path.
    #[must_use]
    pub fn full(&self, written: &str) -> Option<PathBuf> {
        let written = Path::new(written);
        let path = match written.strip_prefix("~") {
            Ok(rest) => self.home.as_ref()?.join(rest),
            Err(_) => written.to_owned(),
        };
        path.is_absolute().then_some(path)
    }

    /// A path for people: `~` in place of the home folder.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let inside = self.home.as_ref().and_then(|home| path.strip_prefix(home).ok());
        inside.map_or_else(
            || path.display().to_string(),
            |inside| Path::new("~").join(inside).display().to_string(),
        )
    }

    /// The folder for files that are saved, one that is there: downloads, else the home folder.
    #[must_use]
    pub fn for_saving(&self) -> Option<PathBuf> {
        let usual = self.home.as_ref().map(|home| home.join("Downloads"));
        let choices = [self.downloads.clone(), usual, self.home.clone()];
        choices.into_iter().flatten().find(|folder| folder.is_dir())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn maya() -> Folders {
        Folders { home: Some("/home/maya".into()), downloads: None }
    }

    #[test]
    fn a_tilde_is_the_home_folder_and_nothing_else() {
        for (written, full) in [
            ("~", Some("/home/maya/")),
            ("~/code/fixtures", Some("/home/maya/code/fixtures")),
            ("/srv/~/fixtures", Some("/srv/~/fixtures")),
            ("~leo/fixtures", None),
            ("code/fixtures", None),
            ("", None),
        ] {
            assert_eq!(maya().full(written), full.map(PathBuf::from), "{written}");
        }
        assert_eq!(Folders::default().full("~/fixtures"), None);
    }

    #[test]
    fn people_see_the_tilde_again() {
        assert_eq!(maya().shown(Path::new("/home/maya/a/b.har")), "~/a/b.har");
        assert_eq!(maya().shown(Path::new("/home/mayas/b.har")), "/home/mayas/b.har");
    }

    #[test]
    fn what_is_saved_goes_where_there_is_a_folder() {
        let place = std::env::temp_dir();
        let of = |home: &Path, downloads: &Path| {
            let (home, downloads) = (Some(home.to_owned()), Some(downloads.to_owned()));
            Folders { home, downloads }.for_saving()
        };
        let gone = place.join("no such folder");
        assert_eq!(of(&gone, &place), Some(place.clone()));
        assert_eq!(of(&place, &gone), Some(place));
        assert_eq!(of(&gone, &gone), None);
        assert_eq!(Folders::default().for_saving(), None);
    }
}
