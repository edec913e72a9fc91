//! Every order there is: the graph of all states that several operators can come to, walked until no
//! choice in any state is left untried.
//!
//! Two orders that lead every operator and AWS to the same state go on in the same ways, so they need
//! going on with only once. How many orders there are is how many paths lead through the graph.

use std::collections::HashMap;

/// A choice in a state: which operator goes on, and how; or that time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// Lets this operator go on from this one of the calls that it stands at.
    Go(usize, usize),
    /// Everybody is frozen for longer than a lease lasts.
    Freeze,
    /// Nobody gets an answer for longer than a lease lasts.
    Hang,
}

/// What was explored so far.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: HashMap<u64, Node>,
    root: Option<u64>,
    /// States in which something may be untried.
    open: Vec<u64>,
}

#[derive(Debug)]
struct Node {
    /// How it was come to first.
    path: Vec<Choice>,
    ways: Vec<(Choice, Option<u64>)>,
}

impl Node {
    fn untried(&self) -> Option<Choice> {
        let untried = self.ways.iter().find(|(_, to)| to.is_none());
        untried.map(|(choice, _)| *choice)
    }
}

impl Graph {
    /// A run has come to a state, along this path, and can go on so. An error if that is not what an
    /// earlier run met: then something was left out of what makes a state.
    pub(crate) fn arrive(
        &mut self,
        from: Option<u64>,
        path: &[Choice],
        state: u64,
        choices: Vec<Choice>,
    ) -> Result<(), String> {
        match (from, path.last()) {
            (Some(from), Some(last)) => {
                let node = self.nodes.get_mut(&from).expect("it was come from");
                let way = node.ways.iter_mut().find(|(choice, _)| choice == last);
                let to = &mut way.expect("it was a choice").1;
                if to.is_some_and(|to| to != state) {
                    return Err(format!("{path:?} leads elsewhere the second time"));
                }
                *to = Some(state);
            }
            (None, Some(_)) if !self.nodes.contains_key(&state) => {
                return Err(format!("{path:?} leads elsewhere the second time"));
            }
            (None, Some(_)) => {}
            _ => self.root = Some(state),
        }
        if let Some(node) = self.nodes.get(&state) {
            let known: Vec<Choice> = node.ways.iter().map(|(choice, _)| *choice).collect();
            if !known.iter().all(|choice| choices.contains(choice)) {
                let first = &node.path;
                return Err(format!(
                    "{choices:?} after {path:?}, {known:?} after {first:?}"
                ));
            }
            return Ok(());
        }
        if !choices.is_empty() {
            self.open.push(state);
        }
        let ways = choices.into_iter().map(|choice| (choice, None)).collect();
        let path = path.to_vec();
        self.nodes.insert(state, Node { path, ways });
        Ok(())
    }

    /// Nobody else need go on in this state before this operator does.
    pub(crate) fn leave_others(&mut self, state: u64, operator: usize) {
        let node = self.nodes.get_mut(&state).expect("it was come from");
        node.ways
            .retain(|(choice, _)| !matches!(choice, Choice::Go(it, _) if *it != operator));
    }

    /// A choice that was not tried in this state.
    pub(crate) fn untried(&self, state: u64) -> Option<Choice> {
        self.nodes.get(&state)?.untried()
    }

    /// A way to something that was not tried.
    pub(crate) fn open_path(&mut self) -> Option<Vec<Choice>> {
        while let Some(state) = self.open.last() {
            let node = &self.nodes[state];
            if let Some(choice) = node.untried() {
                let mut path = node.path.clone();
                path.push(choice);
                return Some(path);
            }
            self.open.pop();
        }
        None
    }

    /// How many states there are.
    pub(crate) fn states(&self) -> usize {
        self.nodes.len()
    }

    /// How many orders there are, from the first state to a last one.
    pub(crate) fn orders(&self) -> u128 {
        let mut known = HashMap::new();
        self.root
            .map_or(0, |root| self.orders_from(root, &mut known))
    }

    fn orders_from(&self, state: u64, known: &mut HashMap<u64, u128>) -> u128 {
        if let Some(orders) = known.get(&state) {
            return *orders;
        }
        let ways = &self.nodes[&state].ways;
        let orders = match ways.len() {
            0 => 1,
            _ => ways
                .iter()
                .map(|(_, to)| to.map_or(0, |to| self.orders_from(to, known)))
                .sum(),
        };
        known.insert(state, orders);
        orders
    }
}
