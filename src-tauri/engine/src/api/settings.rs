//! What the person chose for the whole app.

use crate::Engine;
use crate::api::ApiError;
use crate::api::app::{Appearance, Nothing, Settings, UpdateSettings};
use crate::endpoint::{put_setting, setting};
use crate::listener::Limits;

const LARGEST_BODY_MIB: u8 = (Limits::MAX_BODY_BYTES / (1024 * 1024)) as u8;

pub(super) async fn get(engine: &Engine, _: Nothing) -> Result<Settings, ApiError> {
    let appearance = match setting(engine.db(), "appearance").await?.as_deref() {
        Some("light") => Appearance::Light,
        Some("dark") => Appearance::Dark,
        _ => Appearance::System,
    };
    Ok(Settings {
        port: engine.wanted_port().await?,
        appearance,
        body_limit_mib: engine.body_limit_mib().await?,
        notify: setting(engine.db(), "notify").await?.as_deref() == Some("yes"),
    })
}

pub(super) async fn update(engine: &Engine, new: UpdateSettings) -> Result<Settings, ApiError> {
    if new.port == Some(0) {
        return Err(ApiError::invalid("The port is a number from 1 to 65535."));
    }
    if new.body_limit_mib.is_some_and(|mib| !(1..=LARGEST_BODY_MIB).contains(&mib)) {
        return Err(ApiError::invalid(format!(
            "The largest body is a number of MiB from 1 to {LARGEST_BODY_MIB}; Clerk's messages are under 64 KiB."
        )));
    }
    let before = engine.body_limit_mib().await?;
    engine
        .db()
        .write(async |tx| {
            if let Some(port) = new.port {
                put_setting(tx, "port", &port.to_string()).await?;
            }
            if let Some(appearance) = new.appearance {
                let word = match appearance {
                    Appearance::System => "system",
                    Appearance::Light => "light",
                    Appearance::Dark => "dark",
                };
                put_setting(tx, "appearance", word).await?;
            }
            if let Some(mib) = new.body_limit_mib {
                put_setting(tx, "body_limit_mib", &mib.to_string()).await?;
            }
            if let Some(notify) = new.notify {
                put_setting(tx, "notify", if notify { "yes" } else { "no" }).await?;
            }
            Ok::<_, sqlx::Error>(())
        })
        .await?;
    let other_limit = new.body_limit_mib.is_some_and(|mib| mib != before);
    engine.listen_as_set(new.port.is_some(), other_limit).await;
    get(engine, Nothing {}).await
}
