//! How the columns of a file are rendered, found once per file.

use std::collections::HashSet;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use busta_core::{Columns, Error, Result};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::cells::{Cells, Table};
use super::columns;
use crate::shape::{Kind, Shape};
use crate::stac::items::{self, ItemNames};

/// A column of a Parquet file, whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileColumn {
    /// Its name.
    pub name: String,
    /// What its values are in a record.
    pub kind: Kind,
    /// Its type in words, such as `Timestamp(µs, "UTC")`.
    pub data_type: String,
}

/// What a column or a part of one becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What its Arrow type says.
    Plain,
    /// A text that holds JSON.
    Json,
    /// Sixteen bytes that are a UUID.
    Uuid,
    /// A timestamp in UTC though its type does not say so.
    Utc,
    /// A timestamp in UTC whose texts are all of one form.
    Moment,
    /// A geometry in WKB, which becomes GeoJSON.
    Wkb,
    /// A group of four or six numbers that becomes a list.
    Bbox,
    /// The forms of the parts.
    Parts(Vec<Form>),
}

/// The columns of a file and their forms.
pub(crate) struct Plan {
    columns: Vec<FileColumn>,
    forms: Vec<Form>,
    items: Option<ItemNames>,
    /// Whether no two columns have one name.
    names_differ: bool,
}

impl Plan {
    /// # Errors
    /// If a column has a type that is not known.
    pub fn of(schema: &Schema, parquet: &SchemaDescriptor, shape: Option<&Shape>) -> Result<Self> {
        let mut leaves = parquet.columns().iter().map(AsRef::as_ref);
        let names: HashSet<&String> = schema.fields().iter().map(|field| field.name()).collect();
        let names_differ = names.len() == schema.fields().len();
        let mut plan = Self { columns: Vec::new(), forms: Vec::new(), items: None, names_differ };
        for field in schema.fields() {
            let mut form = form_of(field, &mut leaves)?;
            let ours = shape.and_then(|shape| shape.columns().iter().find(|c| c.name() == field.name()));
            if ours.is_some_and(|column| column.kind() == Kind::Json) && *field.data_type() == DataType::Utf8
            {
                form = Form::Json;
            }
            if form == Form::Utc || matches!(field.data_type(), DataType::Timestamp(_, Some(_))) {
                form = Form::Moment;
            }
            plan.columns.push(FileColumn {
                name: field.name().clone(),
                kind: kind_of(field.data_type(), &form),
                data_type: field.data_type().to_string(),
            });
            plan.forms.push(form);
        }
        Ok(plan)
    }

    pub fn columns(&self) -> &[FileColumn] {
        &self.columns
    }

    /// Makes the rows Items.
    pub fn make_items<'a>(
        &mut self,
        schema: &Schema,
        metadata: impl Fn(&str) -> Option<&'a str>,
        stamped: bool,
    ) {
        // Items say no more of a fraction than there is.
        self.forms.iter_mut().filter(|form| **form == Form::Moment).for_each(|form| *form = Form::Utc);
        self.items = Some(items::adapt(schema, &mut self.forms, metadata, stamped));
    }

    /// Whether the rows become [columns](Self::columns_of); else a [table](Self::table).
    pub fn is_typed(&self) -> bool {
        self.items.is_none() && self.names_differ
    }

    /// The decoded columns as columns of records.
    pub fn columns_of(&self, batch: &RecordBatch) -> Result<Columns> {
        columns::of(batch, &self.columns, &self.forms)
    }

    /// The decoded columns, ready to be rendered.
    pub fn table(&self, batch: &RecordBatch) -> Result<Table> {
        if let Some(items) = &self.items {
            return items.table(batch, &self.forms);
        }
        let columns = batch.columns().iter().zip(&self.forms).zip(&self.columns);
        let fields = columns.map(|((array, form), column)| Ok((&*column.name, Cells::of(array, form)?)));
        Ok(Table::new(fields.collect::<Result<Vec<_>>>()?))
    }
}

/// The form of `field`, from the leaves of Parquet's schema that belong to it.
fn form_of<'a>(field: &Field, leaves: &mut impl Iterator<Item = &'a ColumnDescriptor>) -> Result<Form> {
    let parts = |fields: &Fields, leaves: &mut _| {
        let forms: Result<Vec<Form>> = fields.iter().map(|field| form_of(field, leaves)).collect();
        forms.map(Form::Parts)
    };
    match field.data_type() {
        DataType::Struct(fields) => parts(fields, leaves),
        DataType::List(item) => Ok(Form::Parts(vec![form_of(item, leaves)?])),
        DataType::Map(entries, _) => form_of(entries, leaves),
        data_type => {
            let Some(leaf) = leaves.next() else {
                return Err(Error::corrupt("the Parquet file is damaged: its schema does not end"));
            };
            if !Cells::knows(data_type) {
                let name = leaf.path().string();
                return Err(Error::data(format!(
                    "column `{name}` has the type {data_type}, which cannot be read"
                )));
            }
            Ok(leaf_form(data_type, leaf))
        }
    }
}

fn leaf_form(data_type: &DataType, leaf: &ColumnDescriptor) -> Form {
    match (data_type, leaf.logical_type_ref()) {
        (DataType::Utf8, Some(LogicalType::Json)) => Form::Json,
        (DataType::Utf8, _) if leaf.converted_type() == parquet::basic::ConvertedType::JSON => Form::Json,
        (DataType::FixedSizeBinary(16), Some(LogicalType::Uuid)) => Form::Uuid,
        (DataType::Timestamp(TimeUnit::Nanosecond, None), None)
            if leaf.physical_type() == PhysicalType::INT96 =>
        {
            Form::Utc
        }
        _ => Form::Plain,
    }
}

fn kind_of(data_type: &DataType, form: &Form) -> Kind {
    match data_type {
        _ if *form == Form::Json => Kind::Json,
        _ if *form == Form::Moment => Kind::Time,
        DataType::Boolean => Kind::Bool,
        DataType::Struct(_) | DataType::List(_) | DataType::Map(..) => Kind::Json,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Kind::Float,
        integer if integer.is_integer() => Kind::Int,
        decimal if decimal.is_decimal() => Kind::Float,
        _ => Kind::Text,
    }
}
