//! Archives as other tools write them, and as nobody should.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::sync::Arc;

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};
use proptest::prelude::*;

use super::*;
use crate::formats::window::Reads;

fn archive(members: &[(&str, &str)], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, text) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn file_of(bytes: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Arc::new(file)
}

/// Names and texts of all members.
fn read(bytes: &[u8]) -> std::io::Result<Vec<(String, String)>> {
    let file = file_of(bytes);
    let members = Directory::find(&file)?.members(&file, |_| true)?;
    members
        .iter()
        .map(|member| {
            let mut text = String::new();
            member.open(&file, Arc::default())?.read_to_string(&mut text)?;
            Ok((member.name.to_string(), text))
        })
        .collect()
}

const MEMBERS: [(&str, &str); 3] =
    [("a.json", "{\"id\":1}"), ("empty", ""), ("b/ü.csv", "a,b\n1,2\n1,2\n1,2\n")];

fn told() -> Vec<(String, String)> {
    MEMBERS.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec()
}

#[test]
fn stored_and_deflated_members_are_read() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        assert_eq!(read(&archive(&MEMBERS, method)).unwrap(), told(), "{method}");
    }
    assert_eq!(read(&archive(&[], CompressionMethod::Stored)).unwrap(), []);
}

#[test]
fn what_is_read_is_counted() {
    let file = file_of(&archive(&MEMBERS, CompressionMethod::Deflated));
    let members = Directory::find(&file).unwrap().members(&file, |name| name.ends_with(".csv")).unwrap();
    let count = Arc::new(Reads::default());
    members[0].open(&file, count.clone()).unwrap().read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(count.take_bytes(), members[0].packed);
}

#[test]
fn something_may_stand_before_and_after() {
    let plain = archive(&MEMBERS, CompressionMethod::Deflated);
    let before = [b"#!/bin/sh\n".as_slice(), &plain].concat();
    assert_eq!(read(&before).unwrap(), told());
    let after = [plain.as_slice(), b"\n\n"].concat();
    assert_eq!(read(&after).unwrap(), told());
}

#[test]
fn a_comment_may_hold_the_mark_of_the_end() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.set_comment("PK\u{5}\u{6} PK\u{5}\u{6}0123456789012345678901234567890123456789").unwrap();
    writer.start_file("a", SimpleFileOptions::default()).unwrap();
    writer.write_all(b"text").unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(read(&bytes).unwrap(), [("a".to_owned(), "text".to_owned())]);
}

/// An archive whose every number stands in the fields for large ones.
fn zip64() -> Vec<u8> {
    let (name, text) = (b"big.json", b"{\"id\":64}");
    let u16s = |numbers: &[u16]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let u32s = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let u64s = |numbers: &[u64]| numbers.iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
    let (crc, size, full) = (crc32fast::hash(text), text.len() as u64, u32::MAX);
    let mut bytes = [b"PK\x03\x04".to_vec(), u16s(&[45, 0, 0, 0, 0]), u32s(&[crc, full, full])].concat();
    bytes.extend(
        [u16s(&[name.len() as u16, 20]), name.to_vec(), u16s(&[1, 16]), u64s(&[size, size])].concat(),
    );
    bytes.extend(text);
    let start = bytes.len() as u64;
    bytes.extend([b"PK\x01\x02".to_vec(), u16s(&[45, 45, 0, 0, 0, 0]), u32s(&[crc, full, full])].concat());
    bytes.extend([u16s(&[name.len() as u16, 28, 0, 0, 0]), u32s(&[0, full]), name.to_vec()].concat());
    bytes.extend([u16s(&[1, 24]), u64s(&[size, size, 0])].concat());
    let end = bytes.len() as u64;
    bytes.extend([b"PK\x06\x06".to_vec(), u64s(&[44]), u16s(&[45, 45]), u32s(&[0, 0])].concat());
    bytes.extend(u64s(&[1, 1, end - start, start]));
    bytes.extend([b"PK\x06\x07".to_vec(), u32s(&[0]), u64s(&[end]), u32s(&[1])].concat());
    bytes.extend(
        [b"PK\x05\x06".to_vec(), u16s(&[0, 0, u16::MAX, u16::MAX]), u32s(&[full, full]), u16s(&[0])].concat(),
    );
    bytes
}

#[test]
fn large_archives_are_read() {
    let told = [("big.json".to_owned(), "{\"id\":64}".to_owned())];
    assert_eq!(read(&zip64()).unwrap(), told);
    assert_eq!(read(&[b"something before".as_slice(), &zip64()].concat()).unwrap(), told);
    // The bytes are what another reader takes for such an archive.
    assert_eq!(::zip::ZipArchive::new(Cursor::new(zip64())).unwrap().by_index(0).unwrap().size(), 9);
}

#[test]
fn a_directory_that_is_too_large_is_not_held() {
    for (at, number, word) in [(40, 65u64 << 20, "larger than 64 MiB"), (32, 500_001, "500001 members")] {
        let mut bytes = vec![0; 70 << 20];
        bytes.extend(zip64());
        let record = memchr::memmem::find(&bytes, b"PK\x06\x06").unwrap();
        bytes[record + at..record + at + 8].copy_from_slice(&number.to_le_bytes());
        let file = file_of(&bytes);
        let told = Directory::find(&file).unwrap_err().to_string();
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn damage_is_told() {
    let fine = archive(&[("a", "some text")], CompressionMethod::Stored);
    let told = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fine.clone();
        change(&mut bytes);
        read(&bytes).unwrap_err().to_string()
    };
    let entry = memchr::memmem::find(&fine, b"PK\x01\x02").unwrap();
    let end = fine.len() - 22;
    let text = memchr::memmem::find(&fine, b"some text").unwrap();
    assert!(told(&|bytes| bytes[text] = b'S').contains("checksum"));
    assert!(told(&|bytes| bytes[entry + 24] = 8).contains("more than"));
    assert!(told(&|bytes| bytes[entry + 24] = 10).contains("ends 1 bytes before"));
    assert!(told(&|bytes| bytes[entry] = 0).contains("damaged at member 1"));
    assert!(told(&|bytes| bytes[end + 10] = 2).contains("names 1 members and says 2"));
    assert!(told(&|bytes| bytes[end + 12] = 255).contains("lies outside"));
    assert!(told(&|bytes| bytes[0] = 0).contains("no member where"));
    assert!(told(&|bytes| bytes.truncate(end)).contains("cut off"));
}

proptest! {
    /// Whatever is changed or missing, there is an answer, and no text that differs from the true one.
    #[test]
    fn broken_archives_give_an_error_or_the_truth(
        at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(), cuts: bool, large: bool
    ) {
        let mut bytes = if large { zip64() } else { archive(&MEMBERS, CompressionMethod::Deflated) };
        let truth = read(&bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cuts {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(members) = read(&bytes) {
            for (index, (_, text)) in members.iter().enumerate() {
                // A folder or a link is left out, so a text may be any of the true ones.
                prop_assert!(truth.iter().any(|(_, known)| known == text), "member {}: {}", index, text);
            }
        }
    }
}
