//! Policy documents, as far as the simulator judges them: Effect, Principal, Action, Resource, and conditions on strings.

use serde_json::{Map, Value};

use super::role::role_name;

/// What somebody wants to do.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) action: &'a str,
    pub(super) resource: &'a str,
    /// Who asks, for policies that name principals.
    pub(super) principal: Option<&'a str>,
    pub(super) external_id: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Allowed,
    /// By a statement that denies.
    Denied,
    /// No statement says anything.
    Silent,
}

#[derive(Debug)]
pub(super) struct Policy(Vec<Statement>);

#[derive(Debug)]
struct Statement {
    allows: bool,
    actions: Vec<String>,
    /// `None` in a trust policy: the role itself is meant.
    resources: Option<Vec<String>>,
    /// `None` in a permission policy: whoever has it is meant.
    principals: Option<Vec<String>>,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    key: String,
    like: bool,
    if_exists: bool,
    values: Vec<String>,
}

impl Policy {
    pub(super) fn trust(document: &Value) -> Result<Self, String> {
        Self::read(document, &["Action", "Principal"])
    }

    pub(super) fn permissions(document: &Value) -> Result<Self, String> {
        Self::read(document, &["Action", "Resource"])
    }

    pub(super) fn decide(&self, question: &Question<'_>) -> Decision {
        let about = self.0.iter().filter(|statement| statement.is_about(question));
        about.fold(Decision::Silent, |so_far, statement| match so_far {
            Decision::Denied => Decision::Denied,
            _ if statement.allows => Decision::Allowed,
            _ => Decision::Denied,
        })
    }

    fn read(document: &Value, elements: &[&str]) -> Result<Self, String> {
        let document = document.as_object().ok_or("it is not a JSON object")?;
        known_keys(document, &["Version", "Id", "Statement"])?;
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(statement) => vec![statement],
            None => return Err("it has no Statement".to_owned()),
        };
        let statements = statements.into_iter().map(|statement| Statement::read(statement, elements));
        statements.collect::<Result<_, _>>().map(Self)
    }
}

impl Statement {
    fn read(statement: &Value, elements: &[&str]) -> Result<Self, String> {
        let statement = statement.as_object().ok_or("a statement is not a JSON object")?;
        let known: Vec<&str> = ["Sid", "Effect", "Condition"].iter().chain(elements).copied().collect();
        known_keys(statement, &known)?;
        let allows = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => true,
            Some("Deny") => false,
            _ => return Err("the Effect of a statement is Allow or Deny".to_owned()),
        };
        let element = |name: &str| {
            let wanted = elements.contains(&name);
            wanted.then(|| statement.get(name).ok_or(format!("a statement has no {name}"))).transpose()
        };
        Ok(Self {
            allows,
            actions: texts(statement.get("Action").ok_or("a statement has no Action")?)?,
            resources: element("Resource")?.map(texts).transpose()?,
            principals: element("Principal")?.map(principals).transpose()?,
            conditions: statement.get("Condition").map(conditions).transpose()?.unwrap_or_default(),
        })
    }

    fn is_about(&self, question: &Question<'_>) -> bool {
        let any = |patterns: &[String], text: &str| patterns.iter().any(|pattern| matches(pattern, text));
        let action = question.action.to_ascii_lowercase();
        let names = |principal: &str| self.principals.as_ref().is_none_or(|named| trusted(named, principal));
        self.actions.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
            && self.resources.as_ref().is_none_or(|resources| any(resources, question.resource))
            && question.principal.is_none_or(names)
            && self.conditions.iter().all(|condition| condition.holds(question))
    }
}

impl Condition {
    /// The simulator knows the value of one key; every other one is absent.
    fn holds(&self, question: &Question<'_>) -> bool {
        let value = question.external_id.filter(|_| self.key.eq_ignore_ascii_case("sts:ExternalId"));
        let fits = |text: &str, wanted: &String| if self.like { matches(wanted, text) } else { wanted == text };
        value.map_or(self.if_exists, |text| self.values.iter().any(|wanted| fits(text, wanted)))
    }
}

fn conditions(block: &Value) -> Result<Vec<Condition>, String> {
    let mut conditions = Vec::new();
    for (operator, keys) in block.as_object().ok_or("a Condition is not a JSON object")? {
        let (name, if_exists) = match operator.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (operator.as_str(), false),
        };
        let like = match name {
            "StringEquals" => false,
            "StringLike" => true,
            _ => return Err(format!("the condition operator {operator} is not known to the simulator")),
        };
        for (key, values) in keys.as_object().ok_or("a condition is not a JSON object")? {
            conditions.push(Condition { key: key.clone(), like, if_exists, values: texts(values)? });
        }
    }
    Ok(conditions)
}

fn principals(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Object(kinds) if kinds.len() == 1 && kinds.contains_key("AWS") => texts(&kinds["AWS"]),
        Value::String(all) if all == "*" => Ok(vec![all.clone()]),
        _ => Err("the simulator knows the principals \"*\" and {\"AWS\": ..}".to_owned()),
    }
}

/// Whether one of the named principals is, or holds, the one with this ARN.
fn trusted(named: &[String], arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let account = parts.get(4).copied().unwrap_or_default();
    let role = parts.get(5).and_then(|resource| resource.strip_prefix("assumed-role/")?.split('/').next());
    named.iter().any(|name| {
        let whole = name == "*" || name == account || *name == format!("arn:aws:iam::{account}:root");
        let behind = role
            .is_some_and(|role| name.starts_with(&format!("arn:aws:iam::{account}:role/")) && role_name(name) == role);
        whole || behind || name == arn
    })
}

fn known_keys(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(other) => Err(format!("the simulator does not know {other} there")),
        None => Ok(()),
    }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(format!("{value} is not a text"));
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        value => Ok(vec![text(value)?]),
    }
}

/// `*` stands for any text, `?` for any character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where to go on when the text after the last star does not fit.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((place, begun)) => {
                    (at, from) = (place + 1, begun + 1);
                    star = Some((place, begun + 1));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stars_and_question_marks_match_as_in_iam() {
        let fitting =
            [("*", ""), ("*", "abc"), ("a?c", "abc"), ("kinesis:Put*", "kinesis:PutRecords"), ("a*b*c", "aXbYbc")];
        for (pattern, text) in fitting {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "a"), ("a", ""), ("a?c", "ac"), ("*b", "abc"), ("a*b*c", "acb")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_deny_wins_and_what_is_not_named_is_not_allowed() {
        let policy = Policy::permissions(&json!({"Statement": [
            {"Effect": "Allow", "Action": ["kinesis:put*"], "Resource": "arn:*:stream/*"},
            {"Effect": "Deny", "Action": "kinesis:*", "Resource": "arn:*:stream/secret"},
            {"Effect": "Allow", "Action": "kinesis:GetRecords", "Resource": "*", "Condition": {"StringEquals": {"a": "b"}}},
        ]}));
        let policy = policy.expect("readable");
        let ask = |action, resource| policy.decide(&Question { action, resource, principal: None, external_id: None });
        assert_eq!(ask("kinesis:PutRecords", "arn:x:stream/orders"), Decision::Allowed);
        assert_eq!(ask("kinesis:PutRecords", "arn:x:stream/secret"), Decision::Denied);
        assert_eq!(ask("kinesis:ListShards", "arn:x:stream/orders"), Decision::Silent);
        assert_eq!(ask("kinesis:GetRecords", "arn:x:stream/orders"), Decision::Silent);
    }

    #[test]
    fn a_trust_policy_names_an_account_an_arn_a_role_or_everybody() {
        let session = "arn:aws:sts::111122223333:assumed-role/rowcast/one";
        let cases = [
            ("*", session, true),
            ("111122223333", session, true),
            ("arn:aws:iam::111122223333:root", session, true),
            ("arn:aws:iam::111122223333:role/rowcast", session, true),
            ("arn:aws:iam::111122223333:role/path/rowcast", session, true),
            ("arn:aws:iam::111122223333:role/other", session, false),
            ("arn:aws:iam::444455556666:role/rowcast", session, false),
            ("444455556666", session, false),
            ("arn:aws:iam::111122223333:user/u", "arn:aws:iam::111122223333:user/u", true),
            ("arn:aws:iam::111122223333:user/u", "arn:aws:iam::111122223333:user/v", false),
        ];
        for (named, arn, expected) in cases {
            assert_eq!(trusted(&[named.to_owned()], arn), expected, "{named} {arn}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_refused() {
        let statement = |statement: Value| Policy::permissions(&json!({"Statement": statement}));
        let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        assert!(statement(allow.clone()).is_ok());
        for (key, value) in [
            ("Effect", json!("Maybe")),
            ("NotAction", json!("*")),
            ("Condition", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})),
            ("Resource", json!(7)),
        ] {
            let mut wrong = allow.clone();
            wrong[key] = value;
            assert!(statement(wrong).is_err(), "{key}");
        }
        assert!(Policy::trust(&json!({"Statement": allow})).is_err());
    }
}
