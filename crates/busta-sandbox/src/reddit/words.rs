//! What people write: titles, texts and names, glad, sober and cross ones, with what a parser may trip over.

use crate::data::Dice;

const OPENINGS: [&str; 12] = [
    "Why",
    "How I fixed",
    "Finally:",
    "Is anyone else tired of",
    "A beginner's guide to",
    "PSA about",
    "I measured",
    "What nobody tells you about",
    "TIL something about",
    "Ask me anything on",
    "Has anyone tried",
    "The strange history of",
];
const SUBJECTS: [&str; 16] = [
    "solid state batteries",
    "the new compiler",
    "sourdough starters",
    "heat pumps & old houses",
    "borrow checking",
    "the Café de Flore",
    "index funds",
    "garden slugs",
    "mechanical keyboards",
    "carbon frames",
    "medieval maps",
    "open data <and its formats>",
    "smart thermostats",
    "library cards",
    "night trains",
    "the \"impossible\" proof",
];
/// One of them is what a day talks about.
const TOPICS: [&str; 10] = [
    "eclipse",
    "recall",
    "outage",
    "marathon",
    "wildfire",
    "lawsuit",
    "heatwave",
    "breakthrough",
    "strike",
    "election",
];
const SENTENCES: [&str; 30] = [
    "I absolutely love this, it works great!",
    "This is the best thing I have read all week :)",
    "Wonderful write-up, thank you so much.",
    "Honestly? A huge improvement over last year.",
    "My family is very happy with it \u{1F600}.",
    "It saved us a lot of money & time, brilliant.",
    "Kudos to the maintainers, what a friendly community!",
    "Works perfectly out of the box.",
    "I was pleasantly surprised by how quiet it is.",
    "10/10, would buy again \u{2764}.",
    "The second edition came out in 2019.",
    "It weighs about 3.4 kg without the stand.",
    "See the table in section 4 for the numbers.",
    "We compared it with x < y and y > z on the same machine.",
    "It is based on the older design, with two changes.",
    "The meeting is on Tuesday.",
    "You can find the manual at https://example.org/manual?a=1&b=2.",
    "There are three of them in our town.",
    "\u{65E5}\u{672C}\u{8A9E}\u{306E}\u{8AAC}\u{660E}\u{3082}\u{3042}\u{308A}\u{307E}\u{3059}\u{3002}",
    "> somebody said this before\n\nIndeed they did.",
    "This is terrible, I hate it.",
    "What a disappointing, broken mess :(",
    "The support was rude and useless!!!",
    "It failed twice in a week and I lost all my data.",
    "Not good. Not good at all.",
    "I am so angry about the price increase.",
    "An awful experience, avoid at all costs.",
    "Sadly it died after a month \u{1F622}.",
    "The worst update EVER, nothing but crashes.",
    "I kind of liked it, but the ending was horrible.",
];
const FIRST: [&str; 12] = [
    "quiet", "rusty", "solar", "mellow", "brisk", "hidden", "paper", "velvet", "lunar", "copper", "windy",
    "amber",
];
const LAST: [&str; 12] = [
    "otter", "lamp", "harbor", "sparrow", "anvil", "meadow", "pixel", "walnut", "comet", "ferry", "badger",
    "quill",
];
const FLAIRS: [&str; 5] = ["Discussion", "News", "Question", "Show & Tell", "Meta"];

/// The title of a post that was written on a day.
pub(super) fn title(dice: &mut Dice, seed: u64, day: i64) -> String {
    let (opening, subject) = (dice.one(&OPENINGS), dice.one(&SUBJECTS));
    match dice.chance(1, 3) {
        true => format!("{opening} {subject} after the {}", topic(seed, day)),
        false => format!("{opening} {subject}"),
    }
}

fn topic(seed: u64, day: i64) -> &'static str {
    Dice::of(&[seed, day.unsigned_abs()]).one(&TOPICS)
}

/// Up to `most` sentences.
pub(super) fn text(dice: &mut Dice, most: u64) -> String {
    let count = dice.pick(most) + 1;
    let sentences: Vec<&str> = (0..count).map(|_| dice.one(&SENTENCES)).collect();
    sentences.join(" ")
}

pub(super) fn author(dice: &mut Dice) -> String {
    let (first, last) = (dice.one(&FIRST), dice.one(&LAST));
    match dice.pick(40) {
        0 => "AutoModerator".to_owned(),
        n if n % 3 == 0 => format!("{first}_{last}"),
        n => format!("{first}{last}{}", n * 7),
    }
}

pub(super) fn flair(dice: &mut Dice) -> Option<&'static str> {
    dice.chance(2, 3).then(|| dice.one(&FLAIRS))
}

/// A title as it stands in an address.
pub(super) fn slug(title: &str) -> String {
    let mut out = String::with_capacity(50);
    for part in title.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()) {
        if out.len() + part.len() >= 50 {
            break;
        }
        if !out.is_empty() {
            out.push('_');
        }
        out += &part.to_lowercase();
    }
    out
}

/// What Reddit does to texts unless it is asked for `raw_json`.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text as a page shows it; the markup of quotes and links is left as it is.
pub(super) fn html(text: &str) -> String {
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|part| format!("<p>{}</p>", escaped(part))).collect();
    format!("<div class=\"md\">{}\n</div>", paragraphs.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_always_the_same_and_differ() {
        let text_of = |n| text(&mut Dice::of(&[7, n]), 3);
        assert_eq!(text_of(5), text_of(5));
        let all: std::collections::BTreeSet<String> = (0..50).map(text_of).collect();
        assert!(all.len() > 30);
    }

    #[test]
    fn addresses_and_pages_are_made_of_texts() {
        assert_eq!(slug("What? \u{201C}Caf\u{E9}\u{201D} & more!"), "what_caf\u{E9}_more");
        assert_eq!(html("a < b\n\nc"), "<div class=\"md\"><p>a &lt; b</p>\n\n<p>c</p>\n</div>");
        assert_eq!(escaped("<&>"), "&lt;&amp;&gt;");
    }
}
