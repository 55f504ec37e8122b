//! What the person chose for the whole app.

use crate::Engine;
use crate::api::ApiError;
use crate::api::app::{Appearance, Nothing, Settings, UpdateSettings};
use crate::endpoint::{put_setting, setting};

pub(super) async fn get(engine: &Engine, _: Nothing) -> Result<Settings, ApiError> {
    let appearance = match setting(engine.db(), "appearance").await?.as_deref() {
        Some("light") => Appearance::Light,
        Some("dark") => Appearance::Dark,
        _ => Appearance::System,
    };
    Ok(Settings { port: engine.wanted_port().await?, appearance })
}

pub(super) async fn update(engine: &Engine, new: UpdateSettings) -> Result<Settings, ApiError> {
    if new.port == Some(0) {
        return Err(ApiError::invalid("The port is a number from 1 to 65535."));
    }
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
            Ok::<_, sqlx::Error>(())
        })
        .await?;
    if new.port.is_some() {
        engine.move_to_wanted_port().await;
    }
    get(engine, Nothing {}).await
}
