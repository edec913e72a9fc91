//! `${NAME}` in a value of the configuration file: a variable of the environment, where secrets belong.

use super::environment::Environment;

/// A value as the file has it, cut at its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Reads a value.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').ok_or("has a ${ without its }")?;
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(format!("has ${{{name}}} in it, which names no variable"));
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Variable(name.to_owned()));
            rest = behind;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Ok(Self(parts))
    }

    /// Whether it is only a variable.
    pub(crate) fn is_variable(&self) -> bool {
        matches!(self.0.as_slice(), [Part::Variable(_)])
    }

    /// Whether it has no variable.
    pub(crate) fn is_literal(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The values of the variables that are set.
    pub(crate) fn values<'a>(
        &'a self,
        environment: &'a Environment,
    ) -> impl Iterator<Item = &'a str> {
        let names = self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Variable(name) => Some(name),
        });
        names.filter_map(|name| environment.variables.get(name).map(String::as_str))
    }

    /// The value. One that is set but empty is unset, as elsewhere.
    ///
    /// # Errors
    /// The variable that is not set.
    pub(crate) fn expand(&self, environment: &Environment) -> Result<String, String> {
        self.expand_by(environment, str::to_owned)
    }

    /// The same, with each variable's value as `escape` has it.
    pub(crate) fn expand_by(
        &self,
        environment: &Environment,
        escape: impl Fn(&str) -> String,
    ) -> Result<String, String> {
        let parts = self.0.iter().map(|part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Variable(name) => {
                let value = environment.variables.get(name);
                let value = value.filter(|value| !value.is_empty());
                let value = value.ok_or_else(|| format!("{name} is not set"))?;
                Ok(escape(value))
            }
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_anywhere_in_a_value_and_one_that_is_empty_is_unset() {
        let mut environment = Environment::default();
        for (name, value) in [("A", "1"), ("B_2", "${A}"), ("EMPTY", "")] {
            let variables = &mut environment.variables;
            variables.insert(name.to_owned(), value.to_owned());
        }
        let expand = |text: &str| Template::parse(text).unwrap().expand(&environment);
        assert_eq!(expand("x${A}y${A}"), Ok("x1y1".to_owned()));
        // What is in a variable is taken as it is.
        assert_eq!(expand("${B_2}"), Ok("${A}".to_owned()));
        assert_eq!(expand("$A {B} $"), Ok("$A {B} $".to_owned()));
        assert_eq!(expand("${EMPTY}"), Err("EMPTY is not set".to_owned()));
        assert_eq!(expand("${C}"), Err("C is not set".to_owned()));
        for bad in ["${", "${}", "${a b}", "x${A"] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
        assert!(Template::parse("${A}").unwrap().is_variable());
        assert!(!Template::parse("x${A}").unwrap().is_variable());
        assert!(Template::parse("x").unwrap().is_literal());
    }
}
