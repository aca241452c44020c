//! Words that are never terms.

use std::collections::HashSet;

/// The words of English that hold sentences together, with their contractions (as in the lists of Snowball,
/// <https://snowballstem.org/algorithms/english/stop.txt>), and what stands in every talk.
const ENGLISH: &str = "a about above across after again against ago all almost along already also although always am \
among an and another any anybody anyone anything anyway anywhere are aren't around as at away back be became because \
become been before being below best better between both but by came can can't cannot come could couldn't did didn't do \
does doesn't doing don't done down during each either else enough especially etc even ever every everybody everyone \
everything far few first for found from further gave get gets getting give given go goes going gone gonna good got had \
hadn't has hasn't have haven't having he he'd he'll he's hello help her here here's hers herself hey hi him himself his \
how how's however i i'd i'll i'm i've if in instead into is isn't it it'd it'll it's its itself just keep kind know last \
least less let let's like likely little long look looking lot lots made make makes making many may maybe me mean might \
mine more most mostly much must mustn't my myself near need never new next no nobody none nor not nothing now of off \
often oh ok okay old on once one only onto or other others our ours ourselves out over own people per perhaps please \
put quite rather really right said same saw say says see seem seems seen several shall shan't she she'd she'll she's \
should shouldn't since so some somebody someone something sometimes somewhere soon still such sure take takes tell than \
thank thanks that that'll that's the their theirs them themselves then there there's these they they'd they'll they're \
they've thing things think this those though through thus time to today together told too took toward tried try trying \
two under until up upon us use used using very via want wants was wasn't way we we'd we'll we're we've well went were \
weren't what what's whatever when when's where where's whether which while who who'll who's whom whose why why's will \
with within without won't would wouldn't yes yet you you'd you'll you're you've your yours yourself yourselves";

/// English's and a user's.
pub struct StopWords(HashSet<String>);

impl StopWords {
    /// The usual ones and `more`, whatever their case.
    pub fn new(more: &[String]) -> Self {
        let english = ENGLISH.split_ascii_whitespace().map(str::to_owned);
        Self(english.chain(more.iter().map(|word| word.to_lowercase())).collect())
    }

    /// Whether a word, in lower case, is one.
    pub fn holds(&self, word: &str) -> bool {
        self.0.contains(word)
    }
}
