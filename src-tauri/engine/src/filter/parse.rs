//! From text to the tree. Total: any text gives a tree or a named problem.

use super::{DEEPEST, LONGEST, MOST_TERMS, Node, Problem, Span, Term};

/// Reads a search.
///
/// # Errors
/// What is wrong, and where: a stray bracket, `OR` or `-` with nothing beside it, a field without a
/// value, too much of it.
pub fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > LONGEST {
        let sentence = format!("A search may have {LONGEST} bytes; this one has {}.", text.len());
        let start = text.floor_char_boundary(LONGEST);
        return Err(Problem { sentence, span: Span { start, end: text.len() } });
    }
    let mut reader = Reader { text, at: 0, terms: 0 };
    let node = reader.any(0)?;
    match reader.peek() {
        None => Ok(node),
        Some(_) => Err(reader.problem(reader.at, reader.at + 1, "This bracket closes nothing.")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    terms: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// The next sign that is not a space.
    fn peek(&mut self) -> Option<char> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        self.rest().chars().next()
    }

    /// Its place is widened to whole signs.
    fn problem(&self, start: usize, end: usize, sentence: impl Into<String>) -> Problem {
        let end = self.text.ceil_char_boundary(end);
        let start = self.text.floor_char_boundary(start.min(end));
        Problem { sentence: sentence.into(), span: Span { start, end } }
    }

    /// Whether the next word is exactly this one; then it is taken.
    fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek().is_some() && {
            let rest = self.rest();
            rest.strip_prefix(word).is_some_and(|after| {
                after
                    .chars()
                    .next()
                    .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"'))
            })
        };
        if found {
            self.at += word.len();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut nodes = vec![];
        loop {
            let start = self.at;
            let node = self.all(depth)?;
            let alone = node.is_everything();
            nodes.push(node);
            let or = self.peek().map(|_| self.at).filter(|_| self.take_word("OR"));
            let Some(or) = or else {
                if alone && nodes.len() > 1 {
                    let start = start.saturating_sub(2);
                    return Err(self.problem(start, start + 2, "Something has to follow OR."));
                }
                break;
            };
            if alone {
                return Err(self.problem(or, or + 2, "Something has to stand before OR."));
            }
        }
        Ok(joined(nodes, Node::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Node, Problem> {
        let mut nodes = vec![];
        loop {
            if self.take_word("AND") {
                continue;
            }
            match self.peek() {
                None | Some(')') => break,
                Some(_) if self.sees_or() => break,
                Some(_) => nodes.push(self.one(depth)?),
            }
        }
        Ok(joined(nodes, Node::All))
    }

    fn sees_or(&mut self) -> bool {
        let at = self.at;
        let found = self.take_word("OR");
        self.at = at;
        found
    }

    fn one(&mut self, depth: usize) -> Result<Node, Problem> {
        let start = self.at;
        if depth >= DEEPEST {
            return Err(self.problem(
                start,
                start + 1,
                format!("Brackets and minus signs may nest {DEEPEST} deep."),
            ));
        }
        match self.rest().chars().next() {
            Some('-') => {
                self.at += 1;
                match self.rest().chars().next() {
                    None | Some(')') => {
                        Err(self.problem(start, start + 1, "Something has to follow the minus."))
                    }
                    Some(c) if c.is_whitespace() => {
                        Err(self.problem(start, start + 1, "Something has to follow the minus."))
                    }
                    Some(_) => Ok(Node::Not(Box::new(self.one(depth + 1)?))),
                }
            }
            Some('(') => {
                self.at += 1;
                let inner = self.any(depth + 1)?;
                if self.peek() == Some(')') {
                    self.at += 1;
                }
                if inner.is_everything() {
                    return Err(self.problem(
                        start,
                        self.at,
                        "There is nothing in these brackets.",
                    ));
                }
                Ok(inner)
            }
            _ => self.term(),
        }
    }

    fn term(&mut self) -> Result<Node, Problem> {
        let start = self.at;
        self.terms += 1;
        if self.terms > MOST_TERMS {
            let sentence = format!("A search may have {MOST_TERMS} terms.");
            return Err(self.problem(start, self.text.len(), sentence));
        }
        let field = self.field();
        if let Some(field) = &field
            && self
                .rest()
                .chars()
                .next()
                .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')'))
        {
            return Err(self.problem(start, self.at, format!("{field}: needs a value.")));
        }
        let (value, quoted) = match self.rest().strip_prefix('"') {
            Some(_) => (self.quoted(), true),
            None => (self.bare(), false),
        };
        let span = Span { start, end: self.at };
        Ok(Node::Term(Term { field, value, quoted, span }))
    }

    /// Letters right before a colon.
    fn field(&mut self) -> Option<String> {
        let rest = self.rest();
        let name = &rest[..rest.find(':')?];
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
        is_name.then(|| {
            self.at += name.len() + 1;
            name.to_ascii_lowercase()
        })
    }

    fn bare(&mut self) -> String {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '"');
        let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += word.len();
        word.to_owned()
    }

    fn quoted(&mut self) -> String {
        self.at += 1;
        let mut value = String::new();
        let mut escaped = false;
        for c in self.rest().chars() {
            self.at += c.len_utf8();
            match c {
                '"' if !escaped => return value,
                '\\' if !escaped => escaped = true,
                c => {
                    if escaped && !matches!(c, '"' | '\\') {
                        value.push('\\');
                    }
                    value.push(c);
                    escaped = false;
                }
            }
        }
        if escaped {
            value.push('\\');
        }
        value
    }
}

/// One node for these, without another of the same kind inside.
pub(super) fn joined(nodes: Vec<Node>, kind: fn(Vec<Node>) -> Node) -> Node {
    let is_any = matches!(kind(Vec::new()), Node::Any(_));
    let mut flat: Vec<Node> = nodes
        .into_iter()
        .flat_map(|node| match node {
            Node::Any(nodes) if is_any => nodes,
            Node::All(nodes) if !is_any => nodes,
            node => vec![node],
        })
        .collect();
    match flat.len() {
        1 => flat.swap_remove(0),
        _ => kind(flat),
    }
}
