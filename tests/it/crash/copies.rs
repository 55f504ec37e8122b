//! Copies of the database: a backup of a running Usher.

use super::*;

#[test]
fn a_backup_under_load_holds_every_message_acknowledged_before() {
    let folder = Folder::new();
    let listening = folder.usher().listen(&[]);
    let load = Load::start(&folder.url(&listening), 8, 1);
    load.until(200);
    let before = load.so_far();
    let fresh = tempfile::tempdir().unwrap();
    let copy = fresh.path().join("usher.db");
    folder.usher().json(&["backup", copy.to_str().unwrap()]);
    load.until(before.acknowledged.len() + 20);
    listening.kill();
    let sent = load.end().sent;

    file::assert_sound(&copy);
    let usher = Usher::new(fresh.path());
    let listening = usher.listen(&[]);
    let kept = accepted(&copy);
    for id in &before.acknowledged {
        assert_eq!(kept.get(id), Some(&1), "{id}");
    }
    assert!(kept.keys().all(|id| sent.contains_key(id)));
    assert_eq!(usher.json(&["rebuild"])[0]["changed"], 0);
    assert_eq!(listening.signal("TERM"), Some(0));
}
