//! Programs as [`super::gauge`] can hold them to their bounds: what makes large values of small ones is
//! called by name, so that [`super::natives`] can count it, and so is what puts a value into another; what may go on
//! without an end looks how long its path is by now; and definitions that are handed filters are told how deep these
//! lie in one another.
//!
//! A filter that is handed over remembers where it comes from, and with it the filters that were handed to that
//! place. `def f(g): f(g | g)` so makes a chain that grows with each call while the stack does not, and that takes
//! the whole stack when it is dropped. Each of the user's definitions that takes filters therefore has a last
//! argument more: how long its chain is.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::natives::{
    ADD, COLLECTING, COUNT, DEEPER, EXTENT, GROWING, MULTIPLY, NEST, NESTING, PATH, PUT, WEIGH,
};
use super::program::MAX_DEPTH;

/// A name that no program can write.
const OPERAND: &str = "$+";

/// The same: what the value had that another takes the place of.
const BEFORE: &str = "$-";

/// jaq's own name of what gives nothing, which no program can define anew.
const EMPTY: &str = "!empty";

/// The last argument of a definition that takes filters: how many definitions these have been handed through.
const CHAIN: &str = "$!chain";

/// The definitions that stand for what makes texts longer.
pub(super) fn growing() -> impl Iterator<Item = Def<&'static str>> {
    let weighed = |(name, hidden)| {
        let body = piped(Term::Call(WEIGH, Vec::new()), weighed(Term::Call(hidden, Vec::new())));
        Def { name, args: Vec::new(), body }
    };
    GROWING.into_iter().map(weighed)
}

/// A definition that is not the user's, bounded: it is called as it was.
pub(super) fn definition(def: Def<&'static str>) -> Def<&'static str> {
    Scope::of("").definition(def)
}

/// The program that was read from this text, bounded. The error is for whoever wrote it.
pub(super) fn program<'s>(text: &'s str, program: Term<&'s str>) -> Result<Term<&'s str>, String> {
    let mut scope = Scope::of(text);
    let program = scope.term(program);
    match scope.longest_path {
        ..=MAX_DEPTH => Ok(program),
        parts => Err(format!("a path has {parts} parts, and {MAX_DEPTH} at most can lie in one another")),
    }
}

/// What is known where a term stands.
struct Scope<'s> {
    /// What the user wrote.
    text: &'s str,
    /// The definitions that can be called, the innermost last.
    known: Vec<Known<'s>>,
    /// Whether it stands in a definition that is told how long its chain of filters is.
    told: bool,
    /// The most parts of a path so far.
    longest_path: usize,
}

struct Known<'s> {
    name: &'s str,
    args: usize,
    /// Its name, if it has one argument more.
    hidden: Option<&'s str>,
    is_called: bool,
}

impl<'s> Scope<'s> {
    fn of(text: &'s str) -> Self {
        Self { text, known: Vec::new(), told: false, longest_path: 0 }
    }

    fn definition(&mut self, mut def: Def<&'s str>) -> Def<&'s str> {
        let takes_filters = def.args.iter().any(|arg| !arg.starts_with('$'));
        let hidden = takes_filters.then(|| self.hidden(def.name)).flatten();
        let at = self.known.len();
        self.known.push(Known { name: def.name, args: def.args.len(), hidden, is_called: false });
        let outside = self.told;
        if let Some(hidden) = hidden {
            def.name = hidden;
            def.args.push(CHAIN);
            self.told = true;
        }
        let body = self.term(def.body);
        self.told = outside;
        // Whatever goes on without an end and is no fold comes by here again and again.
        let body = if self.known[at].is_called { piped(Term::Call(PATH, Vec::new()), body) } else { body };
        Def { body, ..def }
    }

    /// A name that no program can write and nothing else has: the same with the sign that follows it in the text,
    /// which is none of a name.
    fn hidden(&self, name: &str) -> Option<&'s str> {
        let at = (name.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        self.text.get(at..=at + name.len())
    }

    fn term(&mut self, program: Term<&'s str>) -> Term<&'s str> {
        match program {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => program,
            Term::Str(format, parts) => self.string(format, parts),
            Term::Arr(Some(of)) => weighed(Term::Arr(Some(Box::new(counted(self.term(*of)))))),
            Term::Obj(entries) if !entries.is_empty() => {
                let entry =
                    |(key, value): (_, Option<_>)| (self.term(key), value.map(|value| self.term(value)));
                weighed(Term::Obj(entries.into_iter().map(entry).collect()))
            }
            Term::Arr(None) | Term::Obj(_) => program,
            Term::Neg(of) => Term::Neg(self.boxed(of)),
            Term::BinOp(l, operator, r) => {
                let l = self.boxed(l);
                let operator = match operator {
                    BinaryOp::Pipe(pattern) => BinaryOp::Pipe(pattern.map(|pattern| self.pattern(pattern))),
                    other => other,
                };
                operation(l, operator, self.boxed(r))
            }
            Term::Label(name, of) => Term::Label(name, self.boxed(of)),
            Term::Fold(name, over, pattern, steps) => self.fold(name, over, pattern, steps),
            Term::TryCatch(of, or) => {
                // What is caught is a text that holds the values it is about.
                let or = or.map_or_else(|| Term::Call(EMPTY, Vec::new()), |or| self.term(*or));
                Term::TryCatch(self.boxed(of), Some(Box::new(piped(Term::Call(WEIGH, Vec::new()), or))))
            }
            Term::IfThenElse(cases, or) => {
                let case = |(when, then)| (self.term(when), self.term(then));
                let cases = cases.into_iter().map(case).collect();
                Term::IfThenElse(cases, or.map(|or| self.boxed(or)))
            }
            Term::Def(defs, of) => {
                let outside = self.known.len();
                let defs = defs.into_iter().map(|def| self.definition(def)).collect();
                let of = self.boxed(of);
                self.known.truncate(outside);
                Term::Def(defs, of)
            }
            Term::Call(name, args) => self.call(name, args),
            Term::Path(of, path) => Term::Path(self.boxed(of), self.path(path)),
        }
    }

    #[allow(clippy::boxed_local, reason = "terms hold one another in boxes")]
    fn boxed(&mut self, of: Box<Term<&'s str>>) -> Box<Term<&'s str>> {
        Box::new(self.term(*of))
    }

    fn call(&mut self, name: &'s str, args: Vec<Term<&'s str>>) -> Term<&'s str> {
        let mut args: Vec<_> = args.into_iter().map(|arg| self.term(arg)).collect();
        let known = self.known.iter_mut().rfind(|known| known.name == name && known.args == args.len());
        let Some(known) = known else {
            if COLLECTING.contains(&name) {
                args = args.into_iter().map(counted).collect();
            }
            let nests = NESTING.contains(&(name, args.len()));
            let call = Term::Call(name, args);
            return if nests { weighed(call) } else { call };
        };
        known.is_called = true;
        let Some(hidden) = known.hidden else { return Term::Call(name, args) };
        args.push(match self.told {
            true => Term::Call(DEEPER, vec![Term::Var(CHAIN)]),
            false => Term::Num("1"),
        });
        Term::Call(hidden, args)
    }

    fn fold(
        &mut self,
        name: &'s str,
        over: Box<Term<&'s str>>,
        pattern: Pattern<&'s str>,
        steps: Vec<Term<&'s str>>,
    ) -> Term<&'s str> {
        let (over, pattern) = (self.boxed(over), self.pattern(pattern));
        let mut steps: Vec<_> = steps.into_iter().map(|step| self.term(step)).collect();
        // The first is what it begins with, the second what is done again and again.
        if let Some(step) = steps.get_mut(1) {
            *step = looked_at(std::mem::take(step));
        }
        Term::Fold(name, over, pattern, steps)
    }

    fn path(&mut self, Path(parts): Path<Term<&'s str>>) -> Path<Term<&'s str>> {
        self.longest_path = self.longest_path.max(parts.len());
        let mut part = |part| match part {
            Part::Index(at) => Part::Index(self.term(at)),
            Part::Range(from, to) => {
                Part::Range(from.map(|from| self.term(from)), to.map(|to| self.term(to)))
            }
        };
        Path(parts.into_iter().map(|(step, optional)| (part(step), optional)).collect())
    }

    fn string(
        &mut self,
        format: Option<&'s str>,
        parts: Vec<StrPart<&'s str, Term<&'s str>>>,
    ) -> Term<&'s str> {
        // Part by part, since jaq adds them up without a look at the sum.
        let part = |part| match part {
            StrPart::Term(of) => {
                let of = weighed(self.term(of));
                weighed(Term::Str(format, vec![StrPart::Term(of)]))
            }
            plain => Term::Str(format, vec![plain]),
        };
        let sum = |r, l| Term::Call(ADD, vec![l, r]);
        parts.into_iter().map(part).rev().reduce(sum).unwrap_or(Term::Str(format, Vec::new()))
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(name) => Pattern::Var(name),
            Pattern::Arr(patterns) => {
                Pattern::Arr(patterns.into_iter().map(|pattern| self.pattern(pattern)).collect())
            }
            Pattern::Obj(entries) => {
                let entry = |(key, value)| (self.term(key), self.pattern(value));
                Pattern::Obj(entries.into_iter().map(entry).collect())
            }
        }
    }
}

fn piped<'s>(l: Term<&'s str>, r: Term<&'s str>) -> Term<&'s str> {
    Term::BinOp(Box::new(l), BinaryOp::Pipe(None), Box::new(r))
}

fn weighed(of: Term<&str>) -> Term<&str> {
    piped(of, Term::Call(WEIGH, Vec::new()))
}

fn looked_at(of: Term<&str>) -> Term<&str> {
    piped(of, Term::Call(PATH, Vec::new()))
}

/// What has something in a place that may lie deep.
fn nested(of: Term<&str>) -> Term<&str> {
    piped(of, Term::Call(NEST, Vec::new()))
}

fn counted(of: Term<&str>) -> Term<&str> {
    piped(of, Term::Call(COUNT, Vec::new()))
}

/// What takes the place of the input.
fn put(of: Term<&str>) -> Term<&str> {
    let put = piped(of, Term::Call(PUT, vec![Term::Var(BEFORE)]));
    let bound = BinaryOp::Pipe(Some(Pattern::Var(BEFORE)));
    Term::BinOp(Box::new(Term::Call(EXTENT, Vec::new())), bound, Box::new(put))
}

/// Whether it is the input and more, which a sum has looked at.
fn is_sum(of: &Term<&str>) -> bool {
    let is_input = |term: &Term<&str>| match term {
        Term::Id => true,
        Term::BinOp(l, BinaryOp::Alt, r) => {
            let is_small = match &**r {
                Term::Arr(of) => of.is_none(),
                Term::Obj(entries) => entries.is_empty(),
                Term::Str(_, parts) => parts.is_empty(),
                Term::Num(_) => true,
                _ => false,
            };
            matches!(**l, Term::Id) && is_small
        }
        _ => false,
    };
    matches!(of, Term::Call(name, args) if *name == ADD && args.first().is_some_and(is_input))
}

fn operation<'s>(l: Box<Term<&'s str>>, operator: BinaryOp<&'s str>, r: Box<Term<&'s str>>) -> Term<&'s str> {
    match operator {
        BinaryOp::Math(operator) => match name(operator) {
            Some(name) => Term::Call(name, vec![*l, *r]),
            None => Term::BinOp(l, BinaryOp::Math(operator), r),
        },
        // `l += r` is `r as $x | l |= . + $x`. A sum looks at what it adds.
        BinaryOp::UpdateMath(operator) => match name(operator) {
            Some(name) => updated(l, r, Term::Call(name, vec![Term::Id, Term::Var(OPERAND)])),
            None => Term::BinOp(l, BinaryOp::UpdateMath(operator), r),
        },
        // What is put into a value may be that value, and `l` may be many places.
        BinaryOp::Update if is_sum(&r) => Term::BinOp(l, BinaryOp::Update, r),
        BinaryOp::Update => nested(Term::BinOp(l, BinaryOp::Update, Box::new(put(*r)))),
        BinaryOp::Assign => nested(updated(l, r, put(Term::Var(OPERAND)))),
        BinaryOp::UpdateAlt => {
            let or = Box::new(put(Term::Var(OPERAND)));
            nested(updated(l, r, Term::BinOp(Box::new(Term::Id), BinaryOp::Alt, or)))
        }
        other => Term::BinOp(l, other, r),
    }
}

/// `r as $x | l |= f`, where `f` knows `$x` as its operand.
fn updated<'s>(l: Box<Term<&'s str>>, r: Box<Term<&'s str>>, f: Term<&'s str>) -> Term<&'s str> {
    let update = Term::BinOp(l, BinaryOp::Update, Box::new(f));
    Term::BinOp(r, BinaryOp::Pipe(Some(Pattern::Var(OPERAND))), Box::new(update))
}

/// The name of an operation that can make much of little.
fn name(operator: Math) -> Option<&'static str> {
    match operator {
        Math::Add => Some(ADD),
        Math::Mul => Some(MULTIPLY),
        Math::Sub | Math::Div | Math::Rem => None,
    }
}
