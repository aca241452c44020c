//! Where in its source each record of a batch came from, so that whoever refuses one later can name it.

/// The places of the records of a batch: `a.json: item 17`, `b.csv:5`.
///
/// Records that follow one another in their file share a mark, so the usual batch has one for each
/// file, and telling of another record costs a comparison.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    names: Vec<Name>,
    marks: Vec<Mark>,
    /// Where the last name was entered without a record since.
    entered: bool,
}

/// What stands before the number: a file and what is counted in it.
#[derive(Clone, Debug)]
struct Name {
    text: Box<str>,
    /// How much of it is the path of a file on this machine; nothing if it is none.
    path: usize,
}

/// From record `first` of the batch on, the numbers go up by one from `number`.
#[derive(Clone, Copy, Debug)]
struct Mark {
    first: u32,
    name: u32,
    number: u64,
}

impl Origins {
    /// The records to come are of another file. `name` is what stands before their numbers, such as
    /// `a.json: item ` or `b.csv:`.
    pub fn enter(&mut self, name: impl Into<Box<str>>) {
        self.enter_name(Name { text: name.into(), path: 0 });
    }

    /// The records to come are of the file at `path` of this machine; `counted` stands between it and their numbers,
    /// such as `: item `.
    pub fn enter_file(&mut self, path: &str, counted: &str) {
        self.enter_name(Name { text: format!("{path}{counted}").into(), path: path.len() });
    }

    fn enter_name(&mut self, name: Name) {
        if self.names.last().is_none_or(|last| last.text != name.text) {
            self.names.push(name);
            self.entered = true;
        }
    }

    /// Record `index` of the batch, which is the last so far, is number `number` where we are.
    pub fn note(&mut self, index: usize, number: u64) {
        let goes_on = self.marks.last().is_some_and(|mark| {
            !self.entered && mark.number + (index as u64).saturating_sub(mark.first.into()) == number
        });
        if !goes_on {
            self.mark(index, self.names.len().saturating_sub(1), number);
        }
    }

    /// The place of record `index`, if it is known.
    pub fn position(&self, index: usize) -> Option<String> {
        let (name, number) = self.find(index)?;
        Some(format!("{}{number}", self.names.get(name)?.text))
    }

    /// The path of the file on this machine that record `index` stood in, as whoever read it names it.
    pub fn file(&self, index: usize) -> Option<&str> {
        let name = self.names.get(self.find(index)?.0)?;
        Some(&name.text[..name.path]).filter(|path| !path.is_empty())
    }

    /// The places of records of which number `n` was made from record `from[n]` of these.
    #[must_use]
    pub fn of_made(&self, from: &[u32]) -> Self {
        let mut made = Self { names: self.names.clone(), ..Self::default() };
        for (index, source) in from.iter().enumerate() {
            let Some((name, number)) = self.find(*source as usize) else { continue };
            if made.find(index) != Some((name, number)) {
                made.mark(index, name, number);
            }
        }
        made
    }

    /// The bytes of memory that it keeps, names aside.
    pub(crate) fn weight(&self) -> usize {
        self.marks.len() * size_of::<Mark>()
    }

    fn mark(&mut self, index: usize, name: usize, number: u64) {
        self.entered = false;
        // A batch has fewer than 2^32 records, and no more names than records.
        self.marks.push(Mark { first: index as u32, name: name as u32, number });
    }

    fn find(&self, index: usize) -> Option<(usize, u64)> {
        let after = self.marks.partition_point(|mark| mark.first as usize <= index);
        let mark = self.marks.get(after.checked_sub(1)?)?;
        Some((mark.name as usize, mark.number + (index as u64 - u64::from(mark.first))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_files() -> Origins {
        let mut origins = Origins::default();
        origins.enter("a.json: item ");
        for (index, number) in [4, 5, 7].into_iter().enumerate() {
            origins.note(index, number);
        }
        // A name that gives nothing leaves no trace; neither does one that is entered again.
        origins.enter("empty:");
        origins.enter_file("b.csv", ":");
        origins.note(3, 8);
        origins.enter_file("b.csv", ":");
        origins.note(4, 9);
        origins
    }

    fn positions(origins: &Origins, count: usize) -> Vec<String> {
        (0..count).map(|index| origins.position(index).unwrap_or_default()).collect()
    }

    #[test]
    fn every_record_has_its_place() {
        let origins = two_files();
        let expected = ["a.json: item 4", "a.json: item 5", "a.json: item 7", "b.csv:8", "b.csv:9"];
        assert_eq!(positions(&origins, 5), expected);
        assert_eq!(origins.marks.len(), 3);
        assert_eq!(Origins::default().position(0), None);
        let files = |origins: &Origins| [2, 3, 4].map(|index| origins.file(index).map(str::to_owned));
        assert_eq!(files(&origins), [None, Some("b.csv".to_owned()), Some("b.csv".to_owned())]);
        assert_eq!(origins.of_made(&[4]).file(0), Some("b.csv"));
    }

    #[test]
    fn what_is_made_of_records_has_their_places() {
        let made = two_files().of_made(&[1, 1, 2, 4]);
        assert_eq!(positions(&made, 4), ["a.json: item 5", "a.json: item 5", "a.json: item 7", "b.csv:9"]);
    }
}
