//! What answers to writes mean: classes of statuses first, then single ones.

use toml::Spanned;

use super::layers::{Faults, Place};
use crate::catalogue::Catalogue;
use crate::catalogue::answers::{Answers, Meaning, Statuses};
use crate::catalogue::raw::{Named, RawAnswers, RawCatalogue};
use crate::fault::SourceId;

/// What stands in a list: `2xx`, or `429`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Class(u16),
    Status(u16),
}

/// Reads the meanings; a catalogue that says nothing about them takes those of the embedded one.
pub(super) fn answers(written: &Named<RawAnswers>, faults: &mut Faults) -> Answers {
    let embedded = written.is_empty().then(|| RawCatalogue::parse(Catalogue::embedded_text()).unwrap_or_default().answers);
    let written = embedded.as_ref().unwrap_or(written);
    for (name, answers) in written.iter().filter(|(name, _)| !matches!(name.as_str(), "money" | "write")) {
        faults.add(&place(answers, name), "is no effect that has answers", "write `money` or `write`");
    }
    let statuses = |effect: &str, faults: &mut Faults| {
        written.get(effect).map_or_else(Statuses::unknown, |answers| statuses(effect, answers.get_ref(), faults))
    };
    Answers { money: statuses("money", faults), write: statuses("write", faults) }
}

fn statuses(effect: &str, answers: &RawAnswers, faults: &mut Faults) -> Statuses {
    let lists = [(&answers.done, Meaning::Done), (&answers.free, Meaning::Free), (&answers.unknown, Meaning::Unknown)];
    let mut named: Vec<(Which, Meaning)> = Vec::new();
    for (word, meaning) in lists.into_iter().flat_map(|(list, meaning)| list.iter().map(move |word| (word, meaning))) {
        let place = place(word, effect);
        match read(word.get_ref()) {
            None => faults.add(
                &place,
                format!("`{}` is no status", word.get_ref()),
                "write a status such as `429`, or a class such as `2xx`",
            ),
            Some(found) if named.iter().any(|(other, _)| *other == found) => {
                faults.add(&place, format!("`{}` is named twice", word.get_ref()), "name it once");
            }
            // What may have been done must never be done again.
            Some(found) if meaning == Meaning::Free && !is_refusal(found) => {
                faults.add(
                    &place,
                    format!("`{}` may follow a write that was done", word.get_ref()),
                    "free the key by single statuses from 400 to 499",
                );
            }
            Some(found) => named.push((found, meaning)),
        }
    }
    let mut statuses = Statuses::unknown();
    for (found, meaning) in &named {
        if let Which::Class(class) = found {
            statuses.set_class(*class, *meaning);
        }
    }
    for (found, meaning) in &named {
        if let Which::Status(status) = found {
            statuses.set(*status, *meaning);
        }
    }
    statuses
}

fn read(word: &str) -> Option<Which> {
    match word.as_bytes() {
        [class @ b'1'..=b'5', b'x', b'x'] => Some(Which::Class(u16::from(class - b'0'))),
        [b'1'..=b'5', _, _] => word.parse().ok().map(Which::Status),
        _ => None,
    }
}

fn is_refusal(found: Which) -> bool {
    matches!(found, Which::Status(status @ 400..=499) if !matches!(status, 408 | 425))
}

fn place<T>(written: &Spanned<T>, key: &str) -> Place {
    Place::new(SourceId::Catalogue, written.span(), format!("answers.{key}"))
}
