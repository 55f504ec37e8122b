//! `--set data.first_name=Ada`, `--add` and `--remove`: one place of a JSON document, by its dotted
//! path. Pure.

use std::str::FromStr;

use serde_json::Value;

/// A value that takes the place of what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    path: String,
    value: Value,
}

/// A value that comes to what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Add {
    path: String,
    value: Value,
}

/// A place that is taken away.
#[derive(Debug, Clone, PartialEq)]
pub struct Remove {
    path: String,
}

impl FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        split(text).map(|(path, value)| Self { path, value })
    }
}

impl FromStr for Add {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        split(text).map(|(path, value)| Self { path, value })
    }
}

impl FromStr for Remove {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        path_of(text).map(|path| Self { path })
    }
}

fn split(text: &str) -> Result<(String, Value), String> {
    let (path, value) =
        text.split_once('=').ok_or("write it as PATH=VALUE, such as data.first_name=Ada")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok((path_of(path)?, value))
}

fn path_of(path: &str) -> Result<String, String> {
    if path.split('.').any(str::is_empty) {
        return Err(format!("the path \"{path}\" has an empty part"));
    }
    Ok(path.to_owned())
}

impl Add {
    /// Appends to the array at the path, or puts a key that is not there yet into an object.
    ///
    /// # Errors
    /// In words, when something that is not a list has the place already, or the path leads nowhere.
    pub fn apply(self, document: &mut Value) -> Result<(), String> {
        match find(document, &self.path) {
            Some(Value::Array(elements)) => {
                elements.push(self.value);
                Ok(())
            }
            Some(_) => Err(format!(
                "\"{}\" is there already and is not a list; --set replaces it.",
                self.path
            )),
            None => Set { path: self.path, value: self.value }.apply(document),
        }
    }
}

impl Remove {
    /// Takes the key out of its object or the element out of its array.
    ///
    /// # Errors
    /// In words, when there is no such place.
    pub fn apply(self, document: &mut Value) -> Result<(), String> {
        let (parent, last) = match self.path.rsplit_once('.') {
            Some((parent, last)) => (find(document, parent), last),
            None => (Some(document), self.path.as_str()),
        };
        let removed = match parent {
            Some(Value::Object(fields)) => fields.remove(last),
            Some(Value::Array(elements)) => last
                .parse()
                .ok()
                .filter(|index| *index < elements.len())
                .map(|index| elements.remove(index)),
            _ => None,
        };
        removed.map(drop).ok_or_else(|| format!("There is no \"{}\" to be removed.", self.path))
    }
}

fn find<'a>(document: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(document, |place, part| match place {
        Value::Object(fields) => fields.get_mut(part),
        Value::Array(elements) => elements.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}

impl Set {
    /// Puts the value in its place. Objects that are missing or null are created; an array takes
    /// the index of an element, or its own length to append.
    ///
    /// # Errors
    /// In words, when the path leads through something that has no parts.
    pub fn apply(self, document: &mut Value) -> Result<(), String> {
        let mut place = document;
        let mut walked = String::new();
        for part in self.path.split('.') {
            place = step(place, part).map_err(|why| {
                let here = if walked.is_empty() { "The body" } else { walked.as_str() };
                format!("{here} {why}, so \"{}\" cannot be set.", self.path)
            })?;
            if !walked.is_empty() {
                walked.push('.');
            }
            walked.push_str(part);
        }
        *place = self.value;
        Ok(())
    }
}

fn step<'a>(place: &'a mut Value, part: &str) -> Result<&'a mut Value, String> {
    if place.is_null() {
        *place = Value::Object(serde_json::Map::new());
    }
    match place {
        Value::Object(fields) => Ok(fields.entry(part).or_insert(Value::Null)),
        Value::Array(elements) => {
            let count = elements.len();
            let index = part.parse().ok().filter(|index| *index <= count);
            let index: usize = index
                .ok_or_else(|| format!("is a list with {count} elements and no \"{part}\""))?;
            if index == count {
                elements.push(Value::Null);
            }
            elements.get_mut(index).ok_or_else(|| "is too short".to_owned())
        }
        Value::String(_) => Err("is a text".into()),
        Value::Number(_) => Err("is a number".into()),
        Value::Bool(_) | Value::Null => Err("is true or false".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(mut document: Value, text: &str) -> Result<Value, String> {
        text.parse::<Set>()?.apply(&mut document)?;
        Ok(document)
    }

    #[test]
    fn values_go_where_the_path_says() {
        for (before, text, after) in [
            (json!({}), "a=x", json!({"a": "x"})),
            (json!({}), "a=1", json!({"a": 1})),
            (json!({}), "a=\"1\"", json!({"a": "1"})),
            (json!({}), "a=null", json!({"a": null})),
            (json!({}), "a=true", json!({"a": true})),
            (json!({}), "a=", json!({"a": ""})),
            (json!({}), "a=b=c", json!({"a": "b=c"})),
            (json!({}), "a=[1,{\"b\":2}]", json!({"a": [1, {"b": 2}]})),
            (json!({}), "a.b.c=x", json!({"a": {"b": {"c": "x"}}})),
            (json!({"a": null}), "a.b=x", json!({"a": {"b": "x"}})),
            (json!({"a": {"b": 1, "c": 2}}), "a.b=3", json!({"a": {"b": 3, "c": 2}})),
            (json!({"a": [1, 2]}), "a.0=9", json!({"a": [9, 2]})),
            (json!({"a": [1]}), "a.1=2", json!({"a": [1, 2]})),
            (json!({"a": [{"b": 1}]}), "a.0.b=2", json!({"a": [{"b": 2}]})),
            (json!({"a": []}), "a.0.b=2", json!({"a": [{"b": 2}]})),
            (json!({"a": {"0": 1}}), "a.0=2", json!({"a": {"0": 2}})),
        ] {
            assert_eq!(set(before, text), Ok(after), "{text}");
        }
    }

    #[test]
    fn values_are_added_and_removed() {
        for (before, text, after) in [
            (json!({}), "a=x", Ok(json!({"a": "x"}))),
            (json!({"a": [1]}), "a=2", Ok(json!({"a": [1, 2]}))),
            (json!({"a": {"b": []}}), "a.b={\"c\":1}", Ok(json!({"a": {"b": [{"c": 1}]}}))),
            (json!({"a": {"b": 1}}), "a.c=2", Ok(json!({"a": {"b": 1, "c": 2}}))),
            (json!({"a": null}), "a=1", Err(())),
            (json!({"a": "t"}), "a.b=1", Err(())),
        ] {
            let mut document = before;
            let done = text.parse::<Add>().and_then(|add| add.apply(&mut document));
            assert_eq!(done.map(|()| document).map_err(drop), after, "{text}");
        }
        for (before, path, after) in [
            (json!({"a": 1, "b": 2, "c": 3}), "a", Ok(json!({"b": 2, "c": 3}))),
            (json!({"a": [1, 2]}), "a.0", Ok(json!({"a": [2]}))),
            (json!({"a": [{"b": 1}]}), "a.0.b", Ok(json!({"a": [{}]}))),
            (json!({"a": [1]}), "a.1", Err(())),
            (json!({"a": [1]}), "a.x", Err(())),
            (json!({}), "a", Err(())),
            (json!({"a": 1}), "a.b", Err(())),
            (json!({}), "a..b", Err(())),
        ] {
            let mut document = before;
            let done = path.parse::<Remove>().and_then(|remove| remove.apply(&mut document));
            assert_eq!(done.map(|()| document).map_err(drop), after, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        for (before, text) in [
            (json!({}), "a"),
            (json!({}), "=x"),
            (json!({}), "a..b=x"),
            (json!({}), ".a=x"),
            (json!({"a": [1]}), "a.2=x"),
            (json!({"a": [1]}), "a.x=x"),
            (json!({"a": [1]}), "a.-1=x"),
            (json!({"a": "t"}), "a.b=x"),
            (json!({"a": 1}), "a.b=x"),
            (json!({"a": true}), "a.b=x"),
        ] {
            assert!(set(before, text).is_err(), "{text}");
        }
    }
}
