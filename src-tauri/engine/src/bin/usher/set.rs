//! `--set data.first_name=Ada`: one value of a JSON document, by its dotted path. Pure.

use std::str::FromStr;

use serde_json::Value;

/// One change of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    path: String,
    value: Value,
}

impl FromStr for Set {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) =
            text.split_once('=').ok_or("write it as PATH=VALUE, such as data.first_name=Ada")?;
        if path.split('.').any(str::is_empty) {
            return Err(format!("the path \"{path}\" has an empty part"));
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { path: path.to_owned(), value })
    }
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
