//! Playing stories of several messages through the listener.

use std::time::Duration;

use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{fresh_id, pretty, send_with};
use crate::Engine;
use crate::api::app::Nothing;
use crate::api::messages::SendTest;
use crate::api::{ApiError, endpoints};
use crate::clerk::scenarios::{SCENARIOS, scenario};

/// A story that can be played.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct ScenarioRow {
    /// What `play` takes.
    pub name: String,
    /// Short title.
    pub title: String,
    /// What playing it tests.
    pub tests: String,
    /// How many messages it sends.
    pub messages: i64,
}

/// A story to play.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[ts(export, optional_fields)]
pub struct PlayScenario {
    /// The endpoint whose secrets sign it.
    pub endpoint_id: i64,
    /// Name of the story.
    pub name: String,
    /// The same number tells of the same person; random when absent.
    pub person: Option<u32>,
    /// With the pauses of the story when absent.
    pub pace: Option<Pace>,
}

/// How fast a story is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum Pace {
    /// With short pauses, so that it can be watched.
    Gaps,
    /// One message right after the other.
    AtOnce,
}

/// What playing a story brought.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
#[ts(export)]
pub struct Played {
    /// Messages sent.
    pub sent: i64,
    /// Of these, how many were answered other than 2xx.
    pub refused: i64,
    /// How many were answered otherwise than the story has it.
    pub surprises: i64,
    /// In words.
    pub sentence: String,
    /// The messages they became, in the order of sending.
    pub message_ids: Vec<i64>,
}

pub(in crate::api) async fn scenarios(
    engine: &Engine,
    _: Nothing,
) -> Result<Vec<ScenarioRow>, ApiError> {
    let rows = SCENARIOS.iter().map(|scenario| ScenarioRow {
        name: scenario.name.to_owned(),
        title: scenario.title.to_owned(),
        tests: scenario.what_it_tests.to_owned(),
        messages: count(scenario.steps(engine.now(), 0).len()),
    });
    Ok(rows.collect())
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

pub(in crate::api) async fn play(engine: &Engine, asked: PlayScenario) -> Result<Played, ApiError> {
    let scenario = scenario(&asked.name).ok_or_else(|| {
        ApiError::invalid(format!("Usher has no scenario called {}.", asked.name))
    })?;
    let live = engine.directory().by_id(asked.endpoint_id).ok_or_else(endpoints::unknown)?;
    if live.secrets.len() < scenario.secrets {
        return Err(ApiError::invalid(match scenario.secrets {
            1 => format!(
                "{} has no signing secret yet, so nothing can be signed with it. Add one first.",
                live.name
            ),
            needed => format!(
                "This scenario needs {needed} signing secrets, and {} has {}. Add another one first, \
                 as you would while rotating.",
                live.name,
                live.secrets.len()
            ),
        }));
    }
    let person = asked.person.unwrap_or_else(|| rand::rng().random());
    let steps = scenario.steps(engine.now(), u64::from(person));
    let gaps = asked.pace != Some(Pace::AtOnce);
    let total = steps.len();
    let mut played =
        Played { sent: 0, refused: 0, surprises: 0, sentence: String::new(), message_ids: vec![] };
    let mut ids: Vec<String> = Vec::with_capacity(total);
    let mut surprise = None;
    for step in steps {
        if gaps && step.delay_ms > 0 {
            engine.clock().pause(Duration::from_millis(step.delay_ms)).await;
        }
        let svix_id = step.same_id_as.and_then(|at| ids.get(at).cloned()).unwrap_or_else(fresh_id);
        ids.push(svix_id.clone());
        let test = SendTest {
            endpoint_id: asked.endpoint_id,
            body: pretty(&step.body)?,
            svix_id: Some(svix_id),
            origin_id: None,
            flaw: step.flaw,
        };
        let sent = send_with(engine, test, step.secret).await.map_err(|error| ApiError {
            message: format!("After {} of {total} messages: {}", played.sent, error.message),
            ..error
        })?;
        let accepted = (200..300).contains(&sent.status);
        played.sent += 1;
        played.refused += i64::from(!accepted);
        played.message_ids.extend(sent.message_id);
        if accepted == step.flaw.is_some() {
            played.surprises += 1;
            let said =
                format!("Message {} was answered {}: {}", played.sent, sent.status, sent.answer);
            surprise = surprise.or(Some(said));
        }
    }
    played.sentence = told(&played, surprise);
    Ok(played)
}

fn told(played: &Played, surprise: Option<String>) -> String {
    let messages = if played.sent == 1 { "message" } else { "messages" };
    let was = if played.refused == 1 { "was" } else { "were" };
    let sent = format!("Sent {} {messages}", played.sent);
    match (surprise, played.refused) {
        (None, 0) => format!("{sent}; all were accepted."),
        (None, refused) => format!("{sent}; {refused} {was} refused, as the story has it."),
        (Some(said), refused) => {
            format!("{sent}; {refused} {was} refused, which is not how the story goes. {said}")
        }
    }
}
