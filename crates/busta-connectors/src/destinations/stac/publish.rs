//! The tree made of what is committed.
//!
//! First the rows are looked through for the last one of each Item: the same Item may have come from two
//! sources, or been appended twice. Then Items are written, then the documents with links to them, and at
//! the end what is no more is removed: a reader who follows links never meets one that leads nowhere new.

use std::collections::{BTreeMap, HashMap};

use busta_core::destination::{Readable, Scan};
use busta_core::failpoint::hit;
use busta_core::{Destination, Records, Result};

use super::document::{self, Names};
use super::extent::Extent;
use super::name::safe;
use super::tree::{self, Expected};
use super::{ASSETS, COLLECTIONS, ItemFolder};
use crate::blocking::trying;

/// What is known about a collection.
#[derive(Default)]
struct Collection {
    extent: Extent,
    document: Option<Vec<u8>>,
}

impl ItemFolder {
    /// Brings the folder in line with what is committed.
    pub(super) async fn publish(&self) -> Result<()> {
        hit("stac.publish.begin");
        let readable = self.lake.readable();
        let tables: Vec<String> = readable.tables().await?.into_iter().map(|table| table.name).collect();
        let mut collections: BTreeMap<Option<String>, Collection> = BTreeMap::new();
        let (documents, others): (Vec<String>, Vec<String>) =
            tables.into_iter().filter(|table| table != ASSETS).partition(|table| table == COLLECTIONS);
        let mut rows = Rows::of(readable, &documents);
        while let Some(page) = rows.next().await? {
            for record in page.iter() {
                let id = Names::of_collection(record)?;
                collections.entry(Some(id)).or_default().document = Some(record.to_vec());
            }
        }
        let last = last_rows(Rows::of(readable, &others)).await?;
        if last.is_empty() && collections.is_empty() && !self.root.join("catalog.json").exists() {
            return Ok(());
        }
        let root = self.root.clone();
        trying(move || tree::begin(&root)).await?;
        self.write_items(Rows::of(readable, &others), &last, &mut collections).await?;
        hit("stac.publish.items_written");
        self.write_documents(last.into_keys(), collections).await
    }

    /// Writes the last row of each Item.
    async fn write_items(
        &self,
        mut rows: Rows<'_>,
        last: &HashMap<Names, u64>,
        collections: &mut BTreeMap<Option<String>, Collection>,
    ) -> Result<()> {
        let mut row = 0;
        while let Some(page) = rows.next().await? {
            let mut files = Vec::with_capacity(page.len());
            for record in page.iter() {
                let names = Names::of_item(record)?;
                if last.get(&names) == Some(&row) {
                    let path = tree::item_path(&self.root, names.collection.as_deref(), &names.id);
                    files.push((path, document::item(record, &names)));
                    collections.entry(names.collection).or_default().extent.add(record);
                }
                row += 1;
            }
            let root = self.root.clone();
            trying(move || tree::write_all(&root, &files)).await?;
        }
        Ok(())
    }

    /// Writes the collections and the catalogue, and removes what is no more.
    async fn write_documents(
        &self,
        items: impl Iterator<Item = Names>,
        collections: BTreeMap<Option<String>, Collection>,
    ) -> Result<()> {
        let mut ids: BTreeMap<Option<String>, Vec<String>> =
            collections.keys().map(|id| (id.clone(), Vec::new())).collect();
        for names in items {
            ids.entry(names.collection).or_default().push(names.id);
        }
        ids.values_mut().for_each(|ids| ids.sort_unstable());
        let (root, config) = (self.root.clone(), self.config.clone());
        trying(move || {
            let mut files = Vec::new();
            for (id, known) in &collections {
                let Some(id) = id else { continue };
                let items = ids.get(&Some(id.clone())).into_iter().flatten().map(String::as_str);
                let text = document::collection(id, known.document.as_deref(), known.extent, items);
                files.push((root.join(safe(id)).join("collection.json"), text));
            }
            tree::write_all(&root, &files)?;
            hit("stac.publish.collections_written");
            let children = collections.keys().flatten().map(String::as_str);
            let items = ids.get(&None).into_iter().flatten().map(String::as_str);
            let catalog = document::catalog(&config.id, &config.description, children, items);
            tree::write_all(&root, &[(root.join("catalog.json"), catalog)])?;
            hit("stac.publish.catalog_written");
            let name = |id: &Option<String>| id.as_deref().map(safe);
            let expected: Expected =
                ids.iter().map(|(id, items)| (name(id), items.iter().map(|id| safe(id)).collect())).collect();
            tree::sweep(&root, &expected)
        })
        .await
    }
}

/// The number of the last row of each Item.
async fn last_rows(mut rows: Rows<'_>) -> Result<HashMap<Names, u64>> {
    let mut last = HashMap::new();
    let mut row = 0;
    while let Some(page) = rows.next().await? {
        for record in page.iter() {
            last.insert(Names::of_item(record)?, row);
            row += 1;
        }
    }
    Ok(last)
}

/// The rows of some tables, one after the other.
struct Rows<'a> {
    readable: &'a dyn Readable,
    tables: std::slice::Iter<'a, String>,
    scan: Option<Box<dyn Scan>>,
}

impl<'a> Rows<'a> {
    fn of(readable: &'a dyn Readable, tables: &'a [String]) -> Self {
        Self { readable, tables: tables.iter(), scan: None }
    }

    async fn next(&mut self) -> Result<Option<Records>> {
        loop {
            if let Some(scan) = &mut self.scan
                && let Some(page) = scan.next().await?
            {
                return Ok(Some(page));
            }
            let Some(table) = self.tables.next() else { return Ok(None) };
            self.scan = Some(self.readable.scan(table).await?);
        }
    }
}
