//! Programs as [`super::gauge`] can hold them to their bounds: what makes large values of small ones is
//! called by name, so that [`super::natives`] can count it.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::ops::Math;
use jaq_core::path::{Part, Path};

use super::natives::{ADD, GROWING, MULTIPLY, WEIGH};

/// A name that no program can write.
const OPERAND: &str = "$+";

/// The definitions that stand for what makes texts longer.
pub(super) fn growing() -> impl Iterator<Item = Def<&'static str>> {
    let weighed =
        |(name, hidden)| Def { name, args: Vec::new(), body: weighed(Term::Call(hidden, Vec::new())) };
    GROWING.into_iter().map(weighed)
}

/// The same definition, bounded.
pub(super) fn definition(def: Def<&str>) -> Def<&str> {
    Def { body: term(def.body), ..def }
}

/// The same program, bounded.
pub(super) fn term(program: Term<&str>) -> Term<&str> {
    match program {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) => program,
        Term::Str(format, parts) => text(format, parts),
        Term::Arr(Some(of)) => weighed(Term::Arr(Some(boxed(of)))),
        Term::Obj(entries) if !entries.is_empty() => {
            let entry = |(key, value): (_, Option<_>)| (term(key), value.map(term));
            weighed(Term::Obj(entries.into_iter().map(entry).collect()))
        }
        Term::Arr(None) | Term::Obj(_) => program,
        Term::Neg(of) => Term::Neg(boxed(of)),
        Term::BinOp(l, operator, r) => operation(boxed(l), operator, boxed(r)),
        Term::Label(name, of) => Term::Label(name, boxed(of)),
        Term::Fold(name, over, pattern, steps) => {
            Term::Fold(name, boxed(over), matched(pattern), steps.into_iter().map(term).collect())
        }
        Term::TryCatch(of, or) => Term::TryCatch(boxed(of), or.map(boxed)),
        Term::IfThenElse(cases, or) => {
            let case = |(when, then)| (term(when), term(then));
            Term::IfThenElse(cases.into_iter().map(case).collect(), or.map(boxed))
        }
        Term::Def(defs, of) => Term::Def(defs.into_iter().map(definition).collect(), boxed(of)),
        Term::Call(name, args) => Term::Call(name, args.into_iter().map(term).collect()),
        Term::Path(of, Path(parts)) => {
            let part = |part| match part {
                Part::Index(at) => Part::Index(term(at)),
                Part::Range(from, to) => Part::Range(from.map(term), to.map(term)),
            };
            let parts = parts.into_iter().map(|(step, optional)| (part(step), optional));
            Term::Path(boxed(of), Path(parts.collect()))
        }
    }
}

#[allow(clippy::boxed_local, reason = "terms hold one another in boxes")]
fn boxed(of: Box<Term<&str>>) -> Box<Term<&str>> {
    Box::new(term(*of))
}

fn weighed(of: Term<&str>) -> Term<&str> {
    Term::BinOp(Box::new(of), BinaryOp::Pipe(None), Box::new(Term::Call(WEIGH, Vec::new())))
}

fn text<'s>(format: Option<&'s str>, parts: Vec<StrPart<&'s str, Term<&'s str>>>) -> Term<&'s str> {
    let is_plain = !parts.iter().any(|part| matches!(part, StrPart::Term(_)));
    let part = |part| match part {
        StrPart::Term(of) => StrPart::Term(term(of)),
        plain => plain,
    };
    let text = Term::Str(format, parts.into_iter().map(part).collect());
    if is_plain { text } else { weighed(text) }
}

fn operation<'s>(l: Box<Term<&'s str>>, operator: BinaryOp<&'s str>, r: Box<Term<&'s str>>) -> Term<&'s str> {
    match operator {
        BinaryOp::Math(operator) => match name(operator) {
            Some(name) => Term::Call(name, vec![*l, *r]),
            None => Term::BinOp(l, BinaryOp::Math(operator), r),
        },
        // `l += r` is `r as $x | l |= . + $x`.
        BinaryOp::UpdateMath(operator) => match name(operator) {
            Some(name) => {
                let sum = Term::Call(name, vec![Term::Id, Term::Var(OPERAND)]);
                let update = Term::BinOp(l, BinaryOp::Update, Box::new(sum));
                Term::BinOp(r, BinaryOp::Pipe(Some(Pattern::Var(OPERAND))), Box::new(update))
            }
            None => Term::BinOp(l, BinaryOp::UpdateMath(operator), r),
        },
        BinaryOp::Pipe(pattern) => Term::BinOp(l, BinaryOp::Pipe(pattern.map(matched)), r),
        other => Term::BinOp(l, other, r),
    }
}

/// The name of an operation that can make much of little.
fn name(operator: Math) -> Option<&'static str> {
    match operator {
        Math::Add => Some(ADD),
        Math::Mul => Some(MULTIPLY),
        Math::Sub | Math::Div | Math::Rem => None,
    }
}

fn matched(pattern: Pattern<&str>) -> Pattern<&str> {
    match pattern {
        Pattern::Var(name) => Pattern::Var(name),
        Pattern::Arr(patterns) => Pattern::Arr(patterns.into_iter().map(matched).collect()),
        Pattern::Obj(entries) => {
            Pattern::Obj(entries.into_iter().map(|(key, value)| (term(key), matched(value))).collect())
        }
    }
}
