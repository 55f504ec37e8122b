//! Finding things on the page the way a person does, and acting on them.
//!
//! A locator is a question, not an element: it is asked anew for every act, so a page that renders
//! again in between does no harm. Acts want exactly one answer.

use std::fmt;

use serde_json::{Value, json};

use crate::webdriver::{Failure, Session};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A page that was replaced since the library was loaded has neither it nor anything to find yet.
const FIND: &str = r#"
const [kind, first, second, outer] = arguments;
const within = outer ?? document.body;
const library = window.TestingLibraryDom;
if (within === null || (kind !== 'css' && library === undefined)) return [];
const exact = (text) => text.replace(/\s+/g, ' ').trim();
switch (kind) {
  case 'css': return [...within.querySelectorAll(first)];
  case 'role': return library.queryAllByRole(within, first, { name: second });
  case 'label': return library.queryAllByLabelText(within, first, { normalizer: exact });
  default: return library.queryAllByText(within, first, { normalizer: exact });
}"#;

/// What to look for.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    Css(String),
    Role(String, String),
    Label(String),
    Text(String),
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Css(selector) => write!(f, "`{selector}`"),
            Self::Role(role, name) => write!(f, "the {role} \"{name}\""),
            Self::Label(label) => write!(f, "the control labelled \"{label}\""),
            Self::Text(text) => write!(f, "the text \"{text}\""),
        }
    }
}

/// A way to find something on the page of a session.
#[derive(Debug, Clone)]
pub struct Locator<'s> {
    session: &'s Session,
    query: Query,
    within: Option<Box<Self>>,
}

impl<'s> Locator<'s> {
    pub(crate) fn new(session: &'s Session, query: Query) -> Self {
        Self { session, query, within: None }
    }

    /// The same question, but only inside of what `outer` finds.
    pub fn within(mut self, outer: &Self) -> Self {
        self.within = Some(Box::new(outer.clone()));
        self
    }

    /// How many there are right now.
    pub fn count(&self) -> usize {
        self.elements().len()
    }

    /// Waits until there is exactly one.
    pub fn wait(&self) -> &Self {
        self.act("", |_, _| Ok(()));
        self
    }

    /// Waits until there is none.
    pub fn wait_gone(&self) {
        self.session.wait_for(&format!("no more {}", self.query), || self.count() == 0);
    }

    /// Clicks it, scrolling to it first.
    pub fn click(&self) {
        self.act("to click ", |session, id| {
            session.attempt("POST", &format!("element/{id}/click"), &json!({})).map(drop)
        });
    }

    /// Types into it after what is there.
    pub fn type_in(&self, text: &str) {
        self.act("to type into ", |session, id| {
            let body = json!({ "text": text });
            session.attempt("POST", &format!("element/{id}/value"), &body).map(drop)
        });
    }

    /// Puts this text in the place of what is there.
    pub fn fill(&self, text: &str) {
        self.act("to empty ", |session, id| {
            session.attempt("POST", &format!("element/{id}/clear"), &json!({})).map(drop)
        });
        self.type_in(text);
    }

    /// What can be read in it.
    pub fn text(&self) -> String {
        self.act("to read ", |session, id| {
            let text = session.attempt("GET", &format!("element/{id}/text"), &Value::Null)?;
            Ok(text.as_str().unwrap_or_default().to_owned())
        })
    }

    /// What a field holds.
    pub fn value(&self) -> String {
        self.property("value").as_str().unwrap_or_default().to_owned()
    }

    /// One of its properties in JavaScript.
    pub fn property(&self, name: &str) -> Value {
        self.act("to read ", |session, id| {
            session.attempt("GET", &format!("element/{id}/property/{name}"), &Value::Null)
        })
    }

    /// One of its attributes, if it has that.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.act("to read ", |session, id| {
            let path = format!("element/{id}/attribute/{name}");
            let value = session.attempt("GET", &path, &Value::Null)?;
            Ok(value.as_str().map(str::to_owned))
        })
    }

    /// Finds the one element and acts, again and again while it is missing, covered, or replaced.
    fn act<T>(&self, what: &str, act: impl Fn(&Session, &str) -> Result<T, Failure>) -> T {
        self.session.wait_until(&format!("{what}{}", self.query), || {
            let elements = self.elements();
            let [element] = elements.as_slice() else { return None };
            match act(self.session, element[ELEMENT].as_str()?) {
                Ok(done) => Some(done),
                Err(Failure::Refused(error, _)) if passing(&error) => None,
                Err(failure) => panic!("{what}{}: {failure}", self.query),
            }
        })
    }

    fn elements(&self) -> Vec<Value> {
        let outer = match &self.within {
            None => Value::Null,
            Some(outer) => match outer.elements().as_slice() {
                [element] => element.clone(),
                _ => return Vec::new(),
            },
        };
        let args = match &self.query {
            Query::Css(selector) => json!(["css", selector, null, outer]),
            Query::Role(role, name) => json!(["role", role, name, outer]),
            Query::Label(label) => json!(["label", label, null, outer]),
            Query::Text(text) => json!(["text", text, null, outer]),
        };
        let script = json!({ "script": FIND, "args": args });
        let ready = match &self.query {
            Query::Css(_) => Ok(()),
            _ => self.session.testing_library(),
        };
        match ready.and_then(|()| self.session.attempt("POST", "execute/sync", &script)) {
            Ok(found) => found.as_array().cloned().unwrap_or_default(),
            Err(Failure::Refused(error, _)) if passing(&error) => Vec::new(),
            Err(failure) => panic!("{}: {failure}", self.query),
        }
    }
}

/// Errors of a page that is just changing; WebKit calls a page in between two an unknown error.
fn passing(error: &str) -> bool {
    [
        "unknown error",
        "stale element reference",
        "element click intercepted",
        "element not interactable",
        "no such element",
        "invalid element state",
    ]
    .contains(&error)
}
